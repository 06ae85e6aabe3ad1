using System.Buffers.Binary;
using System.Data.Common;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Metering.Service.Ledger;

/// <summary>
/// How rows of the audit trail hang together: SHA-256 over the hash before, then number and instant as 64-bit big-endian integers, then each text as its length in UTF-8 (64 bits, −1 for null) and its bytes,
/// in the order actor, principal, action, subject, before, after.
/// </summary>
internal static class AuditChain
{
    public const string Select = "SELECT id, at, actor, principal, action, subject, before, after, number, hash FROM audit";

    /// <summary>Stands before the first row.</summary>
    public static byte[] Start => new byte[SHA256.HashSizeInBytes];

    public static byte[] Next(byte[] previous, AuditRow row)
    {
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> word = stackalloc byte[8];
        sha.AppendData(previous);
        foreach (var value in (ReadOnlySpan<long>)[row.Number, row.At])
        {
            BinaryPrimitives.WriteInt64BigEndian(word, value);
            sha.AppendData(word);
        }

        foreach (var text in (ReadOnlySpan<string?>)[row.Actor, row.Principal, row.Action, row.Subject, row.Before, row.After])
        {
            var bytes = text is null ? null : Encoding.UTF8.GetBytes(text);
            BinaryPrimitives.WriteInt64BigEndian(word, bytes?.Length ?? -1);
            sha.AppendData(word);
            if (bytes is not null) sha.AppendData(bytes);
        }

        return sha.GetHashAndReset();
    }

    /// <summary>A row of <see cref="Select"/> with its id and the hash that is stored; null: it is older than the chain.</summary>
    public static (long Id, AuditRow Row, byte[]? Hash) Read(DbDataReader row) => (row.GetInt64(0), new AuditRow(
        row.IsDBNull(8) ? 0 : row.GetInt64(8), row.GetInt64(1), row.GetString(2), row.GetString(3), row.GetString(4), row.GetString(5), Text(row, 6), Text(row, 7)), row.IsDBNull(9) ? null : (byte[])row[9]);

    public static string Head(long number, byte[] hash) => string.Create(CultureInfo.InvariantCulture, $"{number}:{Convert.ToHexStringLower(hash)}");

    public static bool TryReadHead(string head, out long number, out byte[] hash)
    {
        (number, hash) = (0, []);
        var cut = head.IndexOf(':', StringComparison.Ordinal);
        if (cut < 0 || !long.TryParse(head.AsSpan(0, cut), NumberStyles.None, CultureInfo.InvariantCulture, out number) || head.Length != cut + 1 + SHA256.HashSizeInBytes * 2) return false;
        try
        {
            hash = Convert.FromHexString(head.AsSpan(cut + 1));
            return true;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    private static string? Text(DbDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);
}
