using System.Globalization;
using System.Text.Json;
using Metering.Messages;
using Metering.Meters;
using Metering.Service.Ledger;
using Metering.Service.Tenants;
using Metering.Service.TimeSeries;
using Metering.Tests.Verification;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Tests.TimeSeries;

/// <summary>What the tests share: following, rebuilding, and comparing with the ledger.</summary>
public abstract partial class SeriesContract
{
    // Every figure of the table from the points, and every point in the table.
    private async Task CheckAsync()
    {
        var grain = _options.GrainSeconds;
        var expected = new SortedDictionary<string, decimal>(StringComparer.Ordinal);
        await using (var connection = await _store.OpenReadAsync(Cancel))
        await using (var command = connection.CreateCommand())
        {
            command.CommandText = "SELECT u.bucket, w.host, w.kind, w.key, " + string.Join(", ", MeterCatalogue.All.Select(meter => "u." + meter.Column)) + " FROM usage u JOIN workload w ON w.id = u.workload";
            await using var rows = await command.ExecuteReaderAsync(Cancel);
            while (await rows.ReadAsync(Cancel))
            {
                foreach (var meter in MeterCatalogue.All)
                {
                    if (!rows.IsDBNull(4 + meter.Index)) expected[$"{rows.GetInt64(0)}|{rows.GetString(1)}|{rows.GetString(2)}|{Metering.LineProtocol.LineText.Stored(rows.GetString(3))}|{meter.Column}"] = rows.GetInt64(4 + meter.Index);
                }
            }
        }

        var actual = new SortedDictionary<string, decimal>(StringComparer.Ordinal);
        foreach (var point in _server.Points.Values.Where(point => point.Measurement == "metering_usage"))
        {
            foreach (var (column, value) in point.Fields)
            {
                var key = $"{point.Time / 1_000_000_000 / grain * grain}|{point.Tags["host"]}|{point.Tags["kind"]}|{point.Tags["id"]}|{column}";
                var quantity = (long)value;
                actual[key] = MeterCatalogue.All.Single(meter => meter.Column == column).Kind == MeterKind.Peak ? Math.Max(actual.GetValueOrDefault(key), quantity) : actual.GetValueOrDefault(key) + quantity;
            }
        }

        Assert.NotEmpty(expected);
        Assert.Equal(expected, actual);
    }

    private async Task FollowAsync()
    {
        while (await Follower().StepAsync(Cancel))
        {
        }
    }

    private SeriesFollower Follower(TimeSpan? timeout = null) => new(_store, _options, Sender(timeout), _state, _clock, NullLogger<SeriesFollower>.Instance);

    private SeriesSender Sender(TimeSpan? timeout = null)
    {
        var options = new TimeSeriesOptions { Url = _server.Url, Timeout = timeout ?? TimeSpan.FromSeconds(30) };
        return new SeriesSender(new SeriesTarget(options, _clock), _state, _clock, new Random(1), NullLogger.Instance);
    }

    private SeriesReport Report() => new(_store, _state, new TimeSeriesOptions { Url = _server.Url });

    private GroupWriter Writer() => new(_store, _options, TimeProvider.System, [new SeriesReplays()]);

    private Task WriteAsync(params UsageBatch[] batches) => _writer.WriteAsync([.. batches.Select(BatchSeries.Item)], Cancel);

    private async Task<RebuildEvent> RebuildAsync(long from, long to)
    {
        RebuildEvent? last = null;
        await foreach (var one in new SeriesRebuild(_store, _options, Sender(), _state, TimeProvider.System).RunAsync(from, to, Cancel)) last = one;
        return last!;
    }

    private Task RulesAsync(params OwnershipRule[] rules) => _store.WriteAsync(async transaction =>
    {
        transaction.Context.Add(new StoredRules { Json = JsonSerializer.Serialize(rules, LedgerJson.Options) });
        await transaction.Context.SaveChangesAsync(Cancel);
        await LedgerSnapshot.RaiseAsync(transaction);
        await Ownerships.RebuildAsync(transaction, new OwnershipRules(rules));
    }, Cancel);

    private Task SqlAsync(string sql) => _store.WriteAsync(transaction => transaction.ExecuteAsync(sql), Cancel);

    private async Task<string?> TextAsync(string sql)
    {
        await using var connection = await _store.OpenReadAsync(Cancel);
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        return Convert.ToString(await command.ExecuteScalarAsync(Cancel), CultureInfo.InvariantCulture);
    }

    private static long Micros(DateTimeOffset at) => Units.UnixTime.ToUnixMicroseconds(at);

    private static async Task UntilAsync(Func<bool> holds)
    {
        for (var i = 0; !holds(); i++)
        {
            Assert.True(i < 2_000, "It did not happen in 20 s.");
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, Cancel);
        }
    }
}
