using System.Security.Cryptography;

namespace Metering.Service.Alerts;

/// <summary>The key that signs deliveries to one webhook: 24 to 64 bytes, written <c>whsec_</c> + base64 (Standard Webhooks).</summary>
public sealed class WebhookSecret
{
    public const string Prefix = "whsec_";

    private const int GeneratedBytes = 32;
    private const int MinBytes = 24;
    private const int MaxBytes = 64;

    private readonly byte[] key;

    private WebhookSecret(byte[] key) => this.key = key;

    internal ReadOnlySpan<byte> Key => key;

    /// <summary>A new secret of 32 random bytes.</summary>
    public static WebhookSecret Generate() => new(RandomNumberGenerator.GetBytes(GeneratedBytes));

    /// <summary>Reads a secret as a person pastes it.</summary>
    /// <param name="fault">What is wrong with it; never quotes the text, because a near miss of a secret is nearly a secret.</param>
    public static bool TryParse(string? text, out WebhookSecret secret, out string fault)
    {
        secret = null!;
        fault = "";
        if (text is null || !text.StartsWith(Prefix, StringComparison.Ordinal))
        {
            fault = $"A webhook secret begins with '{Prefix}'.";
            return false;
        }

        Span<byte> bytes = stackalloc byte[MaxBytes + 3];
        var base64 = text.AsSpan(Prefix.Length);
        // 92 characters are what 67 bytes need; nothing longer is worth decoding.
        if (base64.Length > 92 || base64.ContainsAny(" \t\r\n") || !Convert.TryFromBase64Chars(base64, bytes, out var length) || length is < MinBytes or > MaxBytes)
        {
            fault = $"A webhook secret is '{Prefix}' followed by the base64 of {MinBytes} to {MaxBytes} bytes.";
            return false;
        }

        secret = new WebhookSecret(bytes[..length].ToArray());
        return true;
    }

    /// <summary>The secret itself, to be shown once or stored.</summary>
    public string Reveal() => Prefix + Convert.ToBase64String(key);

    /// <summary>Hides the secret: this is what ends up in a log.</summary>
    public override string ToString() => Prefix + "…";
}
