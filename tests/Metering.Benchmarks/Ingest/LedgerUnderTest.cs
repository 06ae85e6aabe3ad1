using System.Globalization;
using Metering.Service.Ingest;
using Metering.Service.Ledger;
using Metering.Service.Quotas;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Benchmarks.Ingest;

/// <summary>The product's ingest on an empty ledger, wired as the service wires it.</summary>
internal sealed class LedgerUnderTest : IAsyncDisposable
{
    private readonly LedgerStore _store;
    private readonly GroupCommit _ingest;

    private LedgerUnderTest(LedgerStore store, GroupCommit ingest) => (_store, _ingest) = (store, ingest);

    public IIngest Ingest => _ingest;

    public LedgerStore Store => _store;

    /// <param name="setUp">Configures the empty ledger.</param>
    public static async Task<LedgerUnderTest> OpenAsync(string connectionString, CancellationToken cancel, Func<LedgerStore, LedgerOptions, Task>? setUp = null)
    {
        var options = new LedgerOptions { ConnectionString = connectionString };
        var store = LedgerStore.Create(options);
        await store.OpenAsync(cancel);
        if (setUp is not null) await setUp(store, options);
        var writer = new GroupWriter(store, options, TimeProvider.System, [new QuotaEvaluator()]);
        var ingest = new GroupCommit(writer, TimeProvider.System, NullLogger<GroupCommit>.Instance);
        await ingest.StartAsync(cancel);
        return new LedgerUnderTest(store, ingest);
    }

    /// <summary>What the ledger says, meter by meter, against what was sent.</summary>
    public async Task<Check> CompareAsync(string name, Fleet fleet, int passes, CancellationToken cancel)
    {
        var sent = fleet.Totals(passes);
        await using var connection = await _store.OpenReadAsync(cancel);
        await using var command = connection.CreateCommand();

        // Text, because sums on PostgreSQL are numeric; each sum of this benchmark fits 64 bits on SQLite.
        command.CommandText = $"SELECT {string.Join(", ", Fleet.Meters.Select(meter => $"CAST(SUM({meter.Column}) AS TEXT)"))}, COUNT(*) FROM usage";
        await using var row = await command.ExecuteReaderAsync(cancel);
        await row.ReadAsync(cancel);
        var wrong = new List<string>();
        for (var m = 0; m < sent.Length; m++)
        {
            var ledger = Int128.Parse(row.GetString(m), CultureInfo.InvariantCulture);
            if (ledger != sent[m]) wrong.Add($"{Fleet.Meters[m].Name} ledger {ledger} sent {sent[m]}");
        }

        var rows = row.GetInt64(sent.Length);
        if (rows != fleet.RecordsPerPass) wrong.Add($"{rows} rows");
        return new Check(name, wrong.Count == 0, wrong.Count == 0 ? $"sum of the ledger = sum sent, {(long)passes * fleet.RecordsPerPass:#,0} records, CPU {sent[0]} us, all {sent.Length} meters" : string.Join("; ", wrong));
    }

    public async ValueTask DisposeAsync()
    {
        await _ingest.StopAsync(CancellationToken.None);
        _ingest.Dispose();
        await _store.DisposeAsync();
    }
}
