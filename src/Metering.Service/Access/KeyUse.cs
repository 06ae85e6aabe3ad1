using System.Collections.Concurrent;
using Metering.Service.Ingest;
using Metering.Service.Ledger;
using Metering.Units;
using Microsoft.Extensions.Hosting;

namespace Metering.Service.Access;

/// <summary>When each key was used last; kept in memory and written once a minute, so that no request waits for a write. What a crash takes is at most that minute.</summary>
internal sealed class KeyUse(LedgerStore store, TimeProvider clock) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, long> _used = new(StringComparer.Ordinal);

    public void Note(string id) => _used[id] = clock.GetUtcNow().ToUnixMicroseconds();

    /// <summary>The last use that is not written yet; null: none.</summary>
    public long? Of(string id) => _used.TryGetValue(id, out var at) ? at : null;

    /// <summary>Writes what was noted.</summary>
    public async Task FlushAsync(CancellationToken cancel)
    {
        var noted = _used.ToArray();
        if (noted.Length == 0) return;
        await store.WriteAsync(async transaction =>
        {
            // In one order, so that replicas do not wait for each other in a circle.
            foreach (var (id, at) in noted.OrderBy(one => one.Key, StringComparer.Ordinal))
                await transaction.ExecuteAsync("UPDATE api_key SET last_used_at = @at WHERE id = @id AND (last_used_at IS NULL OR last_used_at < @at)", ("@at", at), ("@id", id));
        }, cancel);
        foreach (var one in noted) _used.TryRemove(one);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Every, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken)) await TryFlushAsync();
        }
        catch (OperationCanceledException)
        {
            await TryFlushAsync();
        }
    }

    private async Task TryFlushAsync()
    {
        try
        {
            await FlushAsync(CancellationToken.None);
        }
        catch (Exception e) when (e is LedgerUnavailableException or LedgerConflictException)
        {
            // The ledger says so itself; the next minute writes it.
        }
    }
}
