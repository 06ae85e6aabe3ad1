using System.Globalization;
using Metering.Service.Ledger;
using Metering.Service.Tenants;

namespace Metering.Service.Allocation;

/// <summary>Checks the document; every fault is listed at once.</summary>
internal static class AllocationRules
{
    private const int MaxVersions = 1_000;
    private const int MaxEntries = 10_000;
    private static readonly string[] Splits = ["proportional", "even", "weights", "keep"];

    public static List<Fault> Check(AllocationDocument document, LedgerGrain grain, IReadOnlySet<string> tenants)
    {
        var faults = new List<Fault>();
        if (document.Versions.Count > MaxVersions) faults.Add(new("versions", $"has {document.Versions.Count} entries; at most {MaxVersions} are taken."));
        for (var i = 0; i < Math.Min(document.Versions.Count, MaxVersions); i++)
        {
            var at = $"versions[{i}]";
            if (document.Versions[i] is not { } version)
            {
                faults.Add(new(at, "is empty."));
                continue;
            }

            if (version.ToSeconds <= version.FromSeconds) faults.Add(new(at + ".validTo", "is not after validFrom."));
            grain.Check(at + ".validFrom", version.ValidFrom, faults);
            grain.Check(at + ".validTo", version.ValidTo, faults);
            for (var before = 0; before < i; before++)
            {
                if (document.Versions[before] is { } other && version.FromSeconds < other.ToSeconds && other.FromSeconds < version.ToSeconds) faults.Add(new(at + ".validFrom", $"overlaps versions[{before}], valid at the same time."));
            }

            Check(version, at, tenants, faults);
        }

        return faults;
    }

    private static void Check(AllocationVersion version, string at, IReadOnlySet<string> tenants, List<Fault> faults)
    {
        if (Currency.Fault(version.Currency) is { } currency) faults.Add(new(at + ".currency", currency));
        if (version.BasisOrNull is null) faults.Add(new(at + ".basis", $"'{version.Basis}' is unknown; it is usage, reservation or max(usage, reservation)."));
        foreach (var (field, split) in new[] { ("idle", version.Idle), ("overheadSplit", version.OverheadSplit), ("sharedSplit", version.SharedSplit) })
        {
            if (split is not null && !Splits.Contains(split)) faults.Add(new($"{at}.{field}", $"'{split}' is unknown; it is {string.Join(", ", Splits)}."));
            if (split == "weights" && version.Weights is not { Count: > 0 }) faults.Add(new(at + ".weights", $"is missing, and {field} goes by weights."));
        }

        if (version.Hosts.Count == 0 && version.Overhead.Count == 0) faults.Add(new(at + ".hosts", "is empty; nothing would cost anything."));
        if (version.Hosts.Count > MaxEntries) faults.Add(new(at + ".hosts", $"has {version.Hosts.Count} entries; at most {MaxEntries} are taken."));
        for (var i = 0; i < Math.Min(version.Hosts.Count, MaxEntries); i++) Check(version.Hosts[i], $"{at}.hosts[{i}]", faults);
        for (var i = 0; i < Math.Min(version.Overhead.Count, MaxEntries); i++)
        {
            if (version.Overhead[i] is not { } cost) faults.Add(new($"{at}.overhead[{i}]", "is empty."));
            else
            {
                if (cost.Name.Length is 0 or > 64) faults.Add(new($"{at}.overhead[{i}].name", "is 1 to 64 characters."));
                Rate(cost.PerHour, $"{at}.overhead[{i}].perHour", faults);
            }
        }

        foreach (var (tenant, weight) in version.Weights ?? [])
        {
            if (!tenants.Contains(tenant)) faults.Add(new(at + ".weights", $"names the tenant '{tenant}', and there is none; make it first."));
            if (weight < 0 || weight > 1_000_000 || weight != Math.Round(weight, 6)) faults.Add(new(at + ".weights", $"{Text(weight)} of '{tenant}' is out of range; it is 0 to 1000000, with at most 6 decimal places."));
        }

        if (version.Weights is { Count: > 0 } weights && weights.Values.All(weight => weight == 0)) faults.Add(new(at + ".weights", "are all 0."));
        for (var i = 0; i < version.Shared.Count; i++)
        {
            if (!tenants.Contains(version.Shared[i] ?? "")) faults.Add(new($"{at}.shared[{i}]", $"names the tenant '{version.Shared[i]}', and there is none; make it first."));
        }
    }

    private static void Check(HostRate? host, string at, List<Fault> faults)
    {
        if (host is null)
        {
            faults.Add(new(at, "is empty."));
            return;
        }

        if (host.Match is { Kind: not null } or { Label.Count: > 0 }) faults.Add(new(at + ".match", "selects workloads; a rate is for hosts: host, hostClass, region, hostLabel."));
        Rate(host.PerHour, at + ".perHour", faults);
        if (host.CpuShare is { } share && (share < 0 || share > 1 || share != Math.Round(share, 6))) faults.Add(new(at + ".cpuShare", $"{Text(share)} is out of range; it is 0 to 1, with at most 6 decimal places."));
        if (host.Cores is { } cores && (cores <= 0 || cores > 100_000 || cores != Math.Round(cores, 3))) faults.Add(new(at + ".cores", $"{Text(cores)} is out of range; it is more than 0, up to 100000, with at most 3 decimal places."));
        if (host.MemoryBytes is <= 0 or > 1L << 50) faults.Add(new(at + ".memoryBytes", $"{host.MemoryBytes} is out of range; it is 1 to 2^50."));
    }

    private static void Rate(decimal perHour, string at, List<Fault> faults)
    {
        if (perHour < 0 || perHour > 1_000_000 || perHour != Math.Round(perHour, 9)) faults.Add(new(at, $"{Text(perHour)} is out of range; it is 0 to 1000000, with at most 9 decimal places."));
    }

    private static string Text(decimal value) => value.ToString(CultureInfo.InvariantCulture);
}
