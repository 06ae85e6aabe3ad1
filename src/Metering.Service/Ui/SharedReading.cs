using System.Collections.Concurrent;

namespace Metering.Service.Ui;

/// <summary>
/// A reading of the ledger that open pages share: it is kept for ten times as long as it took, so that pages cost the ledger at most a tenth of one core, however many are open. State: one slot per key, each behind its own lock.
/// </summary>
internal sealed class SharedReading<T>(TimeProvider clock) where T : class
{
    // What nobody has asked for in a while is let go of when there are more.
    private const int MaxSlots = 200;
    private static readonly TimeSpan KeepAtLeast = TimeSpan.FromSeconds(1.5);

    private readonly ConcurrentDictionary<string, Slot> _slots = new(StringComparer.Ordinal);

    private sealed class Slot
    {
        public SemaphoreSlim Turn { get; } = new(1, 1);

        public T? Last { get; set; }

        public long ReadAt { get; set; }

        public TimeSpan Keep { get; set; }
    }

    /// <param name="key">What is asked for, by whom: callers of another tenant have another key.</param>
    public async Task<T> GetAsync(string key, Func<CancellationToken, Task<T>> read, CancellationToken cancel)
    {
        if (_slots.Count > MaxSlots) _slots.Clear();
        var slot = _slots.GetOrAdd(key, _ => new Slot());
        await slot.Turn.WaitAsync(cancel);
        try
        {
            if (slot.Last is { } last && clock.GetElapsedTime(slot.ReadAt) < slot.Keep) return last;
            var began = clock.GetTimestamp();
            slot.Last = await read(cancel);
            slot.ReadAt = clock.GetTimestamp();
            var kept = clock.GetElapsedTime(began) * 10;
            slot.Keep = kept > KeepAtLeast ? kept : KeepAtLeast;
            return slot.Last;
        }
        finally
        {
            slot.Turn.Release();
        }
    }
}
