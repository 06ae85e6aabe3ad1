namespace Metering.Service.Reports;

/// <summary>
/// What the workloads of a tenant used and were charged for in a part of a day: at most <see cref="Window"/>, cut where the tenant's own days, months and prices change.
/// </summary>
/// <param name="From">The first bucket with usage, Unix seconds.</param>
/// <param name="To">The end of the last one.</param>
/// <param name="State">Where the tenant's cumulative quantities stood before it (<see cref="Rating.TenantRater.State"/>): the charges are those of a rating that comes to it in the same state.</param>
/// <param name="Lines">What <paramref name="Charged"/> refers to by index.</param>
/// <param name="Charged">Entries, see <see cref="PartCharges"/>; empty when it was not asked for.</param>
/// <param name="Used">Columns, see <see cref="PartUsage"/>; empty when it was not asked for.</param>
internal sealed record RollupPart(string Tenant, long From, long To, string State, IReadOnlyList<PartLine> Lines, byte[] Charged, byte[] Used)
{
    /// <summary>Seconds. The shorter, the fewer rows are left to read where a report begins within one; the longer, the fewer parts a month has.</summary>
    public const long Window = 6 * 3600;

    /// <summary>Where the window of an instant begins.</summary>
    public static long WindowOf(long seconds) => seconds / Window * Window;
}
