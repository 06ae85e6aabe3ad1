using System.Security.Cryptography;
using Metering.Configuration;
using Metering.Enforcement;

namespace Metering.Agent.Enforcement;

/// <summary>What this host lets the service do to its cgroups; nothing unless it says so.</summary>
internal sealed record EnforcementOptions
{
    public static readonly EnforcementOptions Off = new();

    private const int MostKeys = 4;

    /// <summary>The actions that are permitted here.</summary>
    public IReadOnlySet<EnforcementAction> Actions { get; init; } = new HashSet<EnforcementAction>();

    /// <summary>The service's public keys, of which any counts: SubjectPublicKeyInfo of P-256 keys. Several while the service's key is rotated.</summary>
    public IReadOnlyList<byte[]> PublicKeys { get; init; } = [];

    /// <summary>No cap is taken below these: what a workload needs to end in good order.</summary>
    public long MinCpuMicrosecondsPerSecond { get; init; } = 50_000;

    public long MinMemoryBytes { get; init; } = 64 << 20;

    public long MinIoBytesPerSecond { get; init; } = 1 << 20;

    /// <summary>Reads the settings. Throws <see cref="Safety.UserErrorException"/> (exit 2) naming key and range.</summary>
    /// <param name="keyComesLater">The service runs in this process and hands over its key.</param>
    public static EnforcementOptions From(Settings settings, bool keyComesLater)
    {
        if (settings.Text("Enforcement:Actions") is not { } list) return Off;
        var actions = new HashSet<EnforcementAction>();
        foreach (var name in list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!EnforcementActions.ByName.TryGetValue(name, out var action)) throw Settings.Wrong("Enforcement:Actions", list, "a comma list of " + string.Join(", ", EnforcementActions.ByName.Keys));
            actions.Add(action);
        }

        var key = settings.Text("Enforcement:PublicKey");
        if (key is null && !keyComesLater)
            throw Safety.UserErrorException.Usage("Enforcement:Actions permits actions, but nothing says whose orders are taken; set Enforcement:PublicKey to what 'metering enforcement key' prints on the service.");
        return new EnforcementOptions
        {
            Actions = actions,
            PublicKeys = key is null ? [] : PublicKeysOf(key),
            MinCpuMicrosecondsPerSecond = settings.Whole("Enforcement:MinCpu", 50, 1, 1_000_000) * 1000,
            MinMemoryBytes = settings.Whole("Enforcement:MinMemory", 64 << 20, 1 << 20, 1L << 50),
            MinIoBytesPerSecond = settings.Whole("Enforcement:MinIo", 1 << 20, 4096, 1L << 50),
        };
    }

    private static List<byte[]> PublicKeysOf(string text)
    {
        var keys = new List<byte[]>();
        try
        {
            foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            {
                var bytes = Convert.FromBase64String(part);
                using var key = ECDsa.Create();
                key.ImportSubjectPublicKeyInfo(bytes, out _);
                keys.Add(bytes);
            }
        }
        catch (Exception e) when (e is FormatException or CryptographicException)
        {
            keys.Clear();
        }

        return keys.Count is > 0 and <= MostKeys ? keys : throw Settings.Wrong("Enforcement:PublicKey", text, $"1 to {MostKeys} P-256 public keys in base64 with ',' between them, as 'metering enforcement key' prints them");
    }
}
