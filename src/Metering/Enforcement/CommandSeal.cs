using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using Metering.Messages;

namespace Metering.Enforcement;

/// <summary>
/// Signature of a command: ECDSA on P-256 with SHA-256 (IEEE P1363 form) over the label, the id, the expiry in Unix microseconds and the payload, each text and the payload behind its length.
/// </summary>
public static class CommandSeal
{
    private const string Label = "metering.v1.Command";

    public static Command Sign(EnforcementOrder order, ECDsa key)
    {
        var payload = order.ToBytes();
        return new Command
        {
            Id = order.Id,
            Expires = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(Units.UnixTime.FromMicroseconds(order.ExpiresMicroseconds)),
            Payload = ByteString.CopyFrom(payload),
            Signature = ByteString.CopyFrom(key.SignData(Sealed(order.Id, order.ExpiresMicroseconds, payload), HashAlgorithmName.SHA256)),
        };
    }

    /// <summary>The order, when the command is signed by this key and says the same inside as outside; null otherwise.</summary>
    public static EnforcementOrder? Open(Command command, ECDsa key)
    {
        if (command.Expires is null) return null;
        var expires = Units.UnixTime.ToUnixMicroseconds(command.Expires.ToDateTimeOffset());
        if (!key.VerifyData(Sealed(command.Id, expires, command.Payload.Span), command.Signature.Span, HashAlgorithmName.SHA256)) return null;
        return EnforcementOrder.From(command.Payload.Span) is { } order && order.Id == command.Id && order.ExpiresMicroseconds == expires ? order : null;
    }

    private static byte[] Sealed(string id, long expires, ReadOnlySpan<byte> payload)
    {
        using var bytes = new MemoryStream();
        Append(bytes, Encoding.UTF8.GetBytes(Label));
        Append(bytes, Encoding.UTF8.GetBytes(id));
        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(number, expires);
        bytes.Write(number);
        Append(bytes, payload);
        return bytes.ToArray();
    }

    private static void Append(MemoryStream into, ReadOnlySpan<byte> part)
    {
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, part.Length);
        into.Write(length);
        into.Write(part);
    }
}
