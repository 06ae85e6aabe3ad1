using System.Globalization;
using Metering.LineProtocol;
using Metering.Service.Ledger;
using Metering.Service.Verification;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Metering.Service.TimeSeries;

/// <summary>
/// Writes what the ledger has taken to the time series, behind it and never in its way: it reads in short views, sends with nothing open, and moves its own cursor when all lines are in or parked.
/// A process that dies in between sends them again, and the same point at the same time is one point.
/// </summary>
internal sealed partial class SeriesFollower(LedgerStore store, LedgerOptions options, SeriesSender sender, SeriesState state, TimeProvider clock, ILogger<SeriesFollower> log) : BackgroundService
{
    private const string Since = "series_since";
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AfterTrouble = TimeSpan.FromSeconds(10);

    private readonly LineBuffer _lines = new();
    private long _lastAgent;

    /// <summary>Called at named moments; tests crash there.</summary>
    internal Action<string>? FaultPoint { get; set; }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await BeginAsync(stoppingToken);
                while (await StepAsync(stoppingToken))
                {
                }

                await Task.Delay(Look, clock, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                // Stopping; what was not noted is sent again.
            }
            catch (Exception e)
            {
                LogTrouble(log, e.Message);
                await Task.Delay(AfterTrouble, clock, stoppingToken).ContinueWith(static _ => { }, TaskScheduler.Default);
            }
        }
    }

    /// <summary>A ledger that is there already is not written from its beginning: that is asked for, by <c>metering timeseries rebuild</c>.</summary>
    internal async Task BeginAsync(CancellationToken cancel)
    {
        await using (var connection = await store.OpenReadAsync(cancel))
        await using (var known = VerifyRun.Command(connection, "SELECT value FROM meta WHERE key = '" + Since + "'"))
        {
            if (await known.ExecuteScalarAsync(cancel) is string) return;
        }

        var skipped = await store.WriteAsync(async transaction =>
        {
            await LedgerGate.WaitAsync(transaction);
            if (await transaction.ExecuteAsync("INSERT INTO meta (key, value) VALUES (@key, @now) ON CONFLICT (key) DO NOTHING",
                ("@key", Since), ("@now", clock.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture))) == 0) return 0;
            return await transaction.ExecuteAsync("INSERT INTO series_cursor (agent, written, holes) SELECT id, last_sequence, '' FROM agent");
        }, cancel);
        if (skipped > 0) LogBegun(log, skipped);
    }

    /// <summary>One round; false when there is nothing to write, or another service has the turn.</summary>
    internal async Task<bool> StepAsync(CancellationToken cancel)
    {
        await using var turn = await SeriesTurn.TakeAsync(store, cancel);
        if (turn is null)
        {
            state.IsCurrent();
            return false;
        }

        var pieces = await ReadAsync(cancel);
        if (pieces.Count == 0)
        {
            state.IsCurrent();
            return false;
        }

        var parked = new List<ParkedLine>();
        await sender.SendAsync(_lines, parked, cancel);
        FaultPoint?.Invoke("sent");
        await store.WriteAsync(async transaction =>
        {
            await SeriesParking.AddAsync(transaction, parked, clock.GetUtcNow());
            foreach (var piece in pieces) await MoveAsync(transaction, piece);
        }, cancel);
        if (parked.Count > 0) LogParked(log, parked.Count, parked[0].Reason);
        return true;
    }

    // Only from where it was read: whoever moved it meanwhile has written what is between.
    private static Task<int> MoveAsync(LedgerTransaction transaction, SeriesPiece piece) => piece.Agent.IsStored
        ? transaction.ExecuteAsync("UPDATE series_cursor SET written = @written, holes = @holes WHERE agent = @agent AND written = @was AND holes = @had",
            ("@agent", piece.Agent.Id), ("@written", piece.Next.Written), ("@holes", piece.Next.HolesText), ("@was", piece.Agent.Cursor.Written), ("@had", piece.Agent.Cursor.HolesText))
        : transaction.ExecuteAsync("INSERT INTO series_cursor (agent, written, holes) VALUES (@agent, @written, @holes) ON CONFLICT (agent) DO NOTHING",
            ("@agent", piece.Agent.Id), ("@written", piece.Next.Written), ("@holes", piece.Next.HolesText));

    // The lines of the next pieces; the view is closed before anything is sent, so that a server that hangs keeps no snapshot open.
    private async Task<List<SeriesPiece>> ReadAsync(CancellationToken cancel)
    {
        _lines.Clear();
        await using var connection = await store.OpenReadAsync(cancel);
        await using var snapshot = await VerifyRun.SnapshotAsync(connection, store.IsPostgres, cancel);
        await using var view = new LedgerTransaction(store, connection, snapshot);
        var agents = await SeriesReader.AgentsAsync(view, cancel);
        var pieces = new List<SeriesPiece>();
        if (agents.Count == 0) return pieces;
        var grain = await LedgerGrain.ReadAsync(view, options);
        var bytes = SeriesReader.MaxBytes;

        // After the one that was served last, so that each has its turn.
        var first = Math.Max(agents.FindIndex(agent => agent.Id > _lastAgent), 0);
        for (var i = 0; i < agents.Count && bytes > 0; i++)
        {
            var agent = agents[(first + i) % agents.Count];
            var piece = await SeriesReader.NextAsync(view, agent, bytes, cancel);
            if (piece.Batches.Count == 0 && piece.Next.Written == agent.Cursor.Written && piece.Next.HolesText == agent.Cursor.HolesText) continue;
            await SeriesLines.WriteAsync(_lines, view, agent.Host, piece.Batches, grain, clock.GetUtcNow(), cancel);
            pieces.Add(piece);
            bytes -= piece.Batches.Sum(batch => batch.Bytes.Length);
            _lastAgent = agent.Id;
        }

        return pieces;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The time series are not written: {Reason}")]
    private static partial void LogTrouble(ILogger log, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Count} points were refused and are parked, the first for: {Reason}; see 'metering timeseries parked'.")]
    private static partial void LogParked(ILogger log, int count, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "The time series begin now; what {Agents} agents sent before is written by 'metering timeseries rebuild'.")]
    private static partial void LogBegun(ILogger log, int agents);
}
