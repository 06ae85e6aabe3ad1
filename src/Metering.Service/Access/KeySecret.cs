using System.Security.Cryptography;
using System.Text;

namespace Metering.Service.Access;

/// <summary>
/// The text of a key: <c>mtr_&lt;role&gt;_&lt;id&gt;_&lt;secret&gt;_&lt;checksum&gt;</c>. Prefix and checksum are for secret scanners and for cheap refusal; the secret's 32 random bytes carry the security,
/// so a plain SHA-256 is what is stored.
/// </summary>
internal static class KeySecret
{
    private const string Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    public static string NewId() => RandomNumberGenerator.GetString(Alphabet, 12);

    public static string New(string role, string id)
    {
        // 43 characters of 62 are 256 bits.
        var head = $"mtr_{role}_{id}_{RandomNumberGenerator.GetString(Alphabet, 43)}";
        return $"{head}_{Checksum(head)}";
    }

    /// <summary>The id within a well-formed key; false for everything else.</summary>
    public static bool TryReadId(string key, out string id)
    {
        id = "";
        if (key.Length is < 40 or > 200) return false;
        var parts = key.Split('_');
        if (parts.Length != 5 || parts[0] != "mtr" || parts[4] != Checksum(key[..key.LastIndexOf('_')])) return false;
        id = parts[2];
        return true;
    }

    public static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    private static string Checksum(string head) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(head)).AsSpan(0, 4));
}
