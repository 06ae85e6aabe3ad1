using Metering.Service.Access;
using Metering.Service.Tenants;

namespace Metering.Service.Focus;

/// <summary>What is to be exported.</summary>
/// <param name="Columns">In the order in which they are written.</param>
/// <param name="Tenant">Only this tenant's rows; null: all.</param>
internal sealed record FocusRequest(BillingPeriod Period, FocusProfile Profile, FocusDataset Dataset, FocusGrain Grain, IReadOnlyList<FocusColumn> Columns, string? Tenant)
{
    /// <summary>For whom the ledger is read.</summary>
    public Caller Caller => Tenant is null ? Caller.Local : new Caller(Roles.Reader, Tenant, null);

    /// <summary>Checks what was given as text; all faults at once, null when there are any.</summary>
    /// <param name="columns">A comma list; empty: all of the profile.</param>
    public static FocusRequest? From(string? period, string? version, string? dataset, string? grain, string? columns, string? tenant, List<string> faults)
    {
        if (!BillingPeriod.TryParse(period, out var month)) faults.Add(period is null ? "'period' is missing; write it as 2026-10." : $"'period' is '{period}', which is no month; write it as 2026-10.");
        var profile = FocusProfile.Find(version ?? FocusProfile.V14.Version);
        if (profile is null) faults.Add($"'version' is '{version}'; it is {string.Join(" or ", FocusProfile.All.Select(one => one.Version))}.");
        var table = FocusDataset.All.FirstOrDefault(one => one.Name == (dataset ?? FocusDataset.CostAndUsage.Name));
        if (table is null) faults.Add($"'dataset' is '{dataset}'; it is {string.Join(", ", FocusDataset.All.Select(one => one.Name))}, metadata or conformance.");
        else if (profile is not null && !FocusDataset.Of(profile).Contains(table)) faults.Add($"There is no dataset {table.Name} in FOCUS {profile.Version}; take version 1.4.");
        var length = grain switch { null or "hour" => FocusGrain.Hour, "day" => FocusGrain.Day, _ => (FocusGrain?)null };
        if (length is null) faults.Add($"'grain' is '{grain}'; it is hour or day.");
        var chosen = Choose(columns, table ?? FocusDataset.CostAndUsage, profile ?? FocusProfile.V14, faults);
        return faults.Count > 0 ? null : new FocusRequest(month, profile!, table!, length!.Value, chosen, tenant);
    }

    private static List<FocusColumn> Choose(string? columns, FocusDataset dataset, FocusProfile profile, List<string> faults)
    {
        var all = dataset.Columns.Where(column => column.IsIn(profile)).ToList();
        var names = (columns ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (names.Length == 0) return all;
        var chosen = new List<FocusColumn>();
        foreach (var name in names)
        {
            if (all.Find(column => string.Equals(column.Name, name, StringComparison.OrdinalIgnoreCase)) is not { } column)
            {
                var near = all.Select(one => one.Name).OrderBy(known => Distance(known, name)).Take(3);
                faults.Add($"'columns' has '{name}', which FOCUS {profile.Version} {dataset.Id} does not have; near are {string.Join(", ", near)}.");
            }
            else if (!chosen.Contains(column))
            {
                chosen.Add(column);
            }
        }

        // The specification's first, ours after them.
        return [.. chosen.OrderBy(column => column.Level14 == 'X')];
    }

    // How many letters have to be put in, taken out or changed, whatever their case; a name that holds the other is near.
    internal static int Distance(string known, string name)
    {
        var (a, b) = (known.ToUpperInvariant(), name.ToUpperInvariant());
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var (corner, left) = (row[0], i);
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var next = Math.Min(Math.Min(row[j], left) + 1, corner + (a[i - 1] == b[j - 1] ? 0 : 1));
                (corner, row[j], left) = (row[j], next, next);
            }
        }

        return a.Contains(b, StringComparison.Ordinal) ? Math.Min(row[^1], 2) : row[^1];
    }
}
