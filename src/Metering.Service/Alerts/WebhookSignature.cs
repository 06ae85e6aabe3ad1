using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Metering.Service.Alerts;

/// <summary>
/// The signature of Standard Webhooks: <c>v1,</c> + base64 of HMAC-SHA256 over <c>id.timestamp.body</c>, one for each secret, separated by spaces, so that
/// a receiver can change its secret without missing a delivery.
/// </summary>
public static class WebhookSignature
{
    public const string IdHeader = "webhook-id";
    public const string TimestampHeader = "webhook-timestamp";
    public const string SignatureHeader = "webhook-signature";

    private const string Version = "v1,";

    /// <summary>What receivers allow for clocks and queues, by the libraries of Standard Webhooks.</summary>
    public static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(5);

    /// <summary>The value of <c>webhook-signature</c>.</summary>
    /// <param name="id">The id of the message, the same for every attempt. It has no '.', which separates the signed parts.</param>
    /// <param name="attempted">The instant of this attempt; signed in whole Unix seconds.</param>
    /// <param name="body">The exact bytes that are sent.</param>
    public static string Sign(IReadOnlyList<WebhookSecret> secrets, string id, DateTimeOffset attempted, ReadOnlySpan<byte> body)
    {
        if (!IsId(id)) throw new ArgumentException("A webhook id is 1 to 256 visible ASCII characters without '.'.", nameof(id));
        if (secrets.Count == 0) throw new ArgumentException("A delivery is signed with at least one secret.", nameof(secrets));
        var signed = Signed(id, attempted.ToUnixTimeSeconds(), body);
        return string.Join(' ', secrets.Select(secret => Version + Convert.ToBase64String(HMACSHA256.HashData(secret.Key, signed))));
    }

    /// <summary>What a receiver does: true when one of the signatures is by this secret and the timestamp is within the tolerance.</summary>
    public static bool Verify(WebhookSecret secret, string? id, string? timestamp, string? signatures, ReadOnlySpan<byte> body, DateTimeOffset now)
    {
        if (id is null || signatures is null || !long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)) return false;
        if (Math.Abs(now.ToUnixTimeSeconds() - (decimal)seconds) > (decimal)Tolerance.TotalSeconds) return false;
        var expected = HMACSHA256.HashData(secret.Key, Signed(id, seconds, body));
        Span<byte> given = stackalloc byte[Base64.GetMaxDecodedFromUtf8Length(Base64.GetMaxEncodedToUtf8Length(HMACSHA256.HashSizeInBytes))];
        foreach (var range in signatures.AsSpan().Split(' '))
        {
            var signature = signatures.AsSpan()[range];
            if (!signature.StartsWith(Version) || !Convert.TryFromBase64Chars(signature[Version.Length..], given, out var length)) continue;
            if (CryptographicOperations.FixedTimeEquals(given[..length], expected)) return true;
        }

        return false;
    }

    /// <summary>Whether a text can be the id of a message.</summary>
    public static bool IsId(string id) => id.Length is > 0 and <= 256 && id.All(c => c is > ' ' and <= '~' and not '.');

    private static byte[] Signed(string id, long timestamp, ReadOnlySpan<byte> body) =>
        [.. Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{id}.{timestamp}.")), .. body];
}
