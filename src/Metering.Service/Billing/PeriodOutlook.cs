namespace Metering.Service.Billing;

/// <summary>A month as whoever closes it sees it: nothing is rated for it.</summary>
/// <param name="IsNext">The first that is not closed: months are closed in order.</param>
/// <param name="Start">Where it begins in the first zone.</param>
/// <param name="End">Where it ends in the last one.</param>
/// <param name="Obstacles">What stands in the way of closing it, one sentence each; conservation is looked at only when it is closed.</param>
/// <param name="Hosts">How far each host is metered; empty for a closed month.</param>
/// <param name="Manifest">Of a closed month.</param>
/// <param name="ManifestSha256">Of a closed month.</param>
internal sealed record PeriodOutlook(
    string Period, bool IsClosed, bool IsNext, DateTimeOffset Start, DateTimeOffset End, IReadOnlyList<string> Obstacles, IReadOnlyList<HostCoverage> Hosts, PeriodManifest? Manifest, string? ManifestSha256)
{
    public int Covered => Hosts.Count(host => host.Covered);

    public long Quarantined => Hosts.Sum(host => host.QuarantinedBatches);
}
