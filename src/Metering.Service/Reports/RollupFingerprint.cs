using Metering.Service.Billing;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Tenants;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Reports;

/// <summary>Which configuration a day is added up by: tenants, contracts, rules, and the price versions that hold on it. As a view of the ledger has it.</summary>
internal sealed class RollupFingerprint
{
    private readonly string _common;
    private readonly List<(long From, long To, string Text)> _versions;

    private RollupFingerprint(string common, List<(long From, long To, string Text)> versions) => (_common, _versions) = (common, versions);

    public static async Task<RollupFingerprint> LoadAsync(LedgerTransaction view, PriceCatalogue prices, LedgerOptions options, CancellationToken cancel)
    {
        var tenants = (await view.Context.Set<Tenant>().AsNoTracking().ToListAsync(cancel)).Select(tenant => $"tenant {tenant.Id} {tenant.TimeZone} {tenant.PriceBook}");
        var contracts = (await view.Context.Set<StoredContract>().AsNoTracking().ToListAsync(cancel)).Select(contract => $"contract {contract.Tenant} {contract.Json}");
        var rules = await view.Context.Set<StoredRules>().AsNoTracking().FirstOrDefaultAsync(cancel);
        var stored = await view.Context.Set<StoredPriceVersion>().AsNoTracking().ToListAsync(cancel);
        var lines = new List<string> { "cells 2", "grain " + await LedgerGrain.ReadAsync(view, options), "rules " + rules?.Json };
        if (prices.AsksTraits)
        {
            // Labels of hosts are not kept over time: where a price may ask for them, another one means another sum.
            await using var rows = await view.Command("SELECT host, labels FROM agent ORDER BY last_seen_at, id").ExecuteReaderAsync(cancel);
            var labels = new Dictionary<string, string>(StringComparer.Ordinal);
            while (await rows.ReadAsync(cancel)) labels[rows.GetString(0)] = rows.GetString(1);
            lines.AddRange(labels.Select(pair => $"host {pair.Key} {pair.Value}"));
        }

        lines.AddRange(tenants);
        lines.AddRange(contracts);
        lines.Sort(StringComparer.Ordinal);
        var versions = stored.Select(row => (row, Version: row.Read())).Select(one => (one.Version.FromSeconds, one.Version.ToSeconds, $"price {one.row.Book}/{one.row.Version} {one.row.Json}")).ToList();
        versions.Sort((a, b) => string.CompareOrdinal(a.Item3, b.Item3));
        return new RollupFingerprint(PeriodManifest.Hash(string.Join('\n', lines)), versions);
    }

    public string Of(long day) => PeriodManifest.Hash(_common + string.Concat(_versions.Where(version => version.From < day + Rollup.Day && version.To > day).Select(version => "\n" + version.Text)));
}
