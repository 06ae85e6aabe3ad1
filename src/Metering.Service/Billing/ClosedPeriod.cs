namespace Metering.Service.Billing;

/// <summary>A period as it was closed.</summary>
/// <param name="Manifest">JSON of <see cref="PeriodManifest"/>, as it was hashed.</param>
/// <param name="Hash">SHA-256 of the manifest, in hex.</param>
/// <param name="Previous">The hash of the period before; empty on the first.</param>
/// <param name="Configuration">Hash of the prices, contracts, tenants and rules it was rated by: another one means that it is rated anew.</param>
internal sealed record ClosedPeriod(string Id, string Manifest, string Hash, string Previous, string Configuration)
{
    /// <summary>The configuration that a period's charges were rated by last: at its closing, or by the latest correction; null when neither was.</summary>
    public static string? RatedBy(IReadOnlyList<ClosedPeriod> closed, string period)
    {
        foreach (var one in closed.Reverse())
        {
            if (PeriodManifest.Read(one.Manifest).Corrected.TryGetValue(period, out var configuration)) return configuration;
            if (one.Id == period) return one.Configuration;
        }

        return null;
    }
}
