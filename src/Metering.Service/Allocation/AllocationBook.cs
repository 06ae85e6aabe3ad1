using Metering.Service.Ledger;
using Metering.Service.Rating;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Allocation;

/// <summary>What hosts cost, as allocation uses it: integers only. Immutable.</summary>
internal sealed class AllocationBook
{
    public const long ShareScale = 1_000_000;
    private const long NanoScale = PriceLine.NanoScale;

    /// <param name="CpuPerHour">In 10⁻¹⁵ of the currency: the part of the rate that is for CPU.</param>
    internal sealed record Rate(PriceSelector? Match, Int128 PerHour, Int128 CpuPerHour, Int128 Cores, Int128 MemoryBytes);

    /// <param name="Number">Its place in the document, from 1.</param>
    internal sealed record Version(int Number, AllocationVersion Given, Rate[] Rates, Int128 OverheadPerHour, (string Tenant, Int128 Weight)[] Weights, HashSet<string> Shared, Dictionary<AllocationPart, PriceLine> Lines)
    {
        // A version is itself only: it is a key of sums.
        public bool Equals(Version? other) => ReferenceEquals(this, other);

        public override int GetHashCode() => Number;
    }

    private readonly Version[] _versions;

    public AllocationBook(AllocationDocument document) => _versions = [.. document.Versions.Select((version, i) => Compile(i + 1, version))];

    public static async Task<AllocationBook> LoadAsync(MeteringContext context, CancellationToken cancel) =>
        new((await context.Set<StoredAllocation>().AsNoTracking().FirstOrDefaultAsync(cancel))?.Read() ?? new AllocationDocument());

    /// <summary>The version that is valid at an instant; null: hosts cost nothing.</summary>
    public Version? At(long seconds) => Array.Find(_versions, version => seconds >= version.Given.FromSeconds && seconds < version.Given.ToSeconds);

    /// <summary>The versions that hold within a time, as texts: what charges by allocation depend on.</summary>
    public IEnumerable<AllocationVersion> Within(long from, long to) => _versions.Select(version => version.Given).Where(version => version.FromSeconds < to && version.ToSeconds > from);

    private static Version Compile(int number, AllocationVersion version)
    {
        var unit = new PricingUnit(version.Currency, 1);
        return new Version(number, version,
            [.. version.Hosts.Select(host => new Rate(host.Match is { IsEmpty: false } match ? match : null, Nano(host.PerHour), Nano(host.PerHour) * (Int128)((host.CpuShare ?? 0.5m) * ShareScale), (Int128)((host.Cores ?? 0) * ShareScale), host.MemoryBytes ?? 0))],
            version.Overhead.Aggregate(Int128.Zero, (sum, cost) => sum + Nano(cost.PerHour)),
            [.. (version.Weights ?? []).OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => (pair.Key, (Int128)(pair.Value * ShareScale)))],
            version.Shared.ToHashSet(StringComparer.Ordinal),
            Enum.GetValues<AllocationPart>().ToDictionary(part => part, part => new PriceLine
            {
                Sku = AllocationSku.Of(part), Kind = ChargeKind.Allocation, Meter = null, Reserved = null, Unit = unit, Model = PriceModel.Flat, Basis = PriceBasis.Usage, Selector = null,
                Prices = [PriceLine.PriceScale], Bounds = [Int128.MaxValue], Block = 0, Currency = version.Currency, Book = AllocationSku.Book, Version = number,
            }));
    }

    private static Int128 Nano(decimal amount) => (Int128)(amount * NanoScale);
}
