using Metering.Configuration;
using Metering.Safety;
using Metering.Service.Ledger;
using Metering.Units;

namespace Metering.Service.Access;

/// <summary>
/// Keys that are known before the first start, so that a set-up can be provisioned as a whole: <c>METERING_SCRAPE_KEY</c> for Prometheus, <c>METERING_FINANCE_KEY</c> for Grafana.
/// Any long random text will do. One that differs from the last one takes its place, which is how it is rotated.
/// </summary>
internal sealed class PresetKeys(LedgerStore store, TimeProvider clock)
{
    private const int MinLength = 20;
    private static readonly (string Role, string Variable)[] Variables = [(Roles.Scrape, "METERING_SCRAPE_KEY"), (Roles.Finance, "METERING_FINANCE_KEY")];

    /// <summary>What the environment, or the directory of credentials, presets. Throws <see cref="UserErrorException"/> for one that is too short.</summary>
    public static Dictionary<string, string> FromEnvironment()
    {
        var presets = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (role, variable) in Variables)
        {
            if (Credentials.Text(variable) is not { } text) continue;
            if (text.Length < MinLength) throw UserErrorException.Usage($"{variable} has fewer than {MinLength} characters; use a long random text, or leave it out.");
            presets[role] = text;
        }

        return presets;
    }

    /// <summary>Makes those that are not there yet. Replicas may do so at the same time.</summary>
    public async Task EnsureAsync(IReadOnlyDictionary<string, string> presets, CancellationToken cancel)
    {
        foreach (var (role, preset) in presets)
        {
            var (id, key) = KeySecret.TryReadId(preset, out var own) ? (own, preset) : KeyRing.Wrap(preset);
            var name = "preset " + role;
            await store.WriteAsync(async transaction =>
            {
                await transaction.ExecuteAsync("DELETE FROM api_key WHERE role = @role AND name = @name AND id <> @id", ("@role", role), ("@name", name), ("@id", id));
                await transaction.ExecuteAsync("INSERT INTO api_key (id, hash, role, name, created_at) VALUES (@id, @hash, @role, @name, @at) ON CONFLICT (id) DO NOTHING",
                    ("@id", id), ("@hash", KeySecret.Hash(key)), ("@role", role), ("@name", name), ("@at", clock.GetUtcNow().ToUnixMicroseconds()));
            }, cancel);
        }
    }
}
