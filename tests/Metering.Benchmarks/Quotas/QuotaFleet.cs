using System.Globalization;
using System.Text.Json;
using Metering.Service.Ledger;
using Metering.Service.Quotas;
using Metering.Service.Rating;
using Metering.Service.Tenants;

namespace Metering.Benchmarks.Quotas;

/// <summary>Tenants, a host each, and ten quotas for each of them, of every kind.</summary>
internal static class QuotaFleet
{
    public const int Tenants = 100, PerTenant = 10, Count = Tenants * PerTenant;

    public const string Mix = "6 of calendar windows, of them one on cost and one of a selector, 2 rolling, 1 forecast, 1 rate";

    private static readonly Quota[] Kinds =
    [
        new() { Meter = "cpuSeconds", Window = "month", Limit = 1e12m, Thresholds = [50, 80, 100] },
        new() { Meter = "memoryByteSeconds", Window = "day", Limit = 1e19m, Thresholds = [80, 100] },
        new() { Meter = "ioReadBytes", Window = "hour", Limit = 1e15m },
        new() { Meter = "memoryPeakBytes", Window = "month", Limit = 1e15m },
        new() { Meter = "cost", Window = "month", Limit = 1e9m, Thresholds = [50, 100] },
        new() { Meter = "ioWriteBytes", Window = "month", Limit = 1e15m, Subject = new QuotaSubject { Workload = new OwnershipMatch { Kind = "docker", Path = "/system.slice/*" } } },
        new() { Meter = "cpuSeconds", Window = "rolling 24h", Limit = 1e12m },
        new() { Meter = "ioReadOperations", Window = "rolling 6h", Limit = 1e12m },
        new() { Kind = "forecast", Meter = "cpuSeconds", Window = "month", Limit = 1e15m },
        new() { Kind = "rate", Meter = "cpuSeconds", Limit = 1e6m, For = "10m" },
    ];

    public static Task SetUpAsync(LedgerStore store, bool withQuotas, CancellationToken cancel) => store.WriteAsync(async transaction =>
    {
        var rules = new List<OwnershipRule>();
        for (var i = 0; i < Tenants; i++)
        {
            var tenant = "tenant-" + i.ToString("000", CultureInfo.InvariantCulture);
            transaction.Context.Add(new Tenant { Id = tenant, Name = tenant, PriceBook = "b" });
            rules.Add(new OwnershipRule { Match = new OwnershipMatch { Host = Ingest.Fleet.HostName(i) }, Tenant = tenant });
            for (var kind = 0; withQuotas && kind < PerTenant; kind++)
                transaction.Context.Add(new StoredQuota { Id = $"{tenant}-{kind}", Json = JsonSerializer.Serialize(Kinds[kind] with { Subject = Kinds[kind].Subject with { Tenant = tenant } }, LedgerJson.Options) });
        }

        var prices = new PriceVersion { Currency = "EUR", Prices = [new Price { Meter = "cpuSeconds", Unit = "Core-Hours", Amount = 0.05m }, new Price { Meter = "memoryByteSeconds", Unit = "GiB-Hours", Amount = 0.01m }] };
        transaction.Context.Add(new StoredPriceVersion { Book = "b", Version = 1, Json = JsonSerializer.Serialize(prices, LedgerJson.Options) });
        transaction.Context.Add(new StoredRules { Json = JsonSerializer.Serialize(rules, LedgerJson.Options) });
        await transaction.Context.SaveChangesAsync(cancel);
        await LedgerSnapshot.RaiseAsync(transaction);
    }, cancel);

    /// <summary>The monthly CPU of every quota, added up, is that of the ledger.</summary>
    public static async Task<Check> CheckAsync(LedgerStore store, string name, CancellationToken cancel)
    {
        if (store.IsPostgres) await store.WriteAsync(QuotaGrowthLog.SettleAsync, cancel);
        await using var connection = await store.OpenReadAsync(cancel);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT CAST((SELECT SUM(used_low) FROM quota_window WHERE quota LIKE 'tenant-%-0') AS TEXT), CAST((SELECT SUM(cpu_us) FROM usage) AS TEXT), (SELECT COUNT(DISTINCT quota) FROM quota_window)";
        await using var row = await command.ExecuteReaderAsync(cancel);
        await row.ReadAsync(cancel);
        var (quotas, ledger, counted) = (row.GetString(0), row.GetString(1), row.GetInt64(2));
        return new Check(name, quotas == ledger && counted == Count, $"{counted:#,0} quotas have figures; CPU of the quotas {quotas} us, of the ledger {ledger} us");
    }
}
