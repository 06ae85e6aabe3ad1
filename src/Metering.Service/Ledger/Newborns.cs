using Metering.Service.Ingest;

namespace Metering.Service.Ledger;

/// <summary>
/// Decides which CPU usage a scraper that looks every 15 s would have missed. It is, for each instance of a cgroup,
/// what its records bill in windows that end within 15 s of its birth, and what its final record bills after the last pass that saw it alive.
/// Born counts only who is billed from zero and was first named in a window with a length (the first pass of an epoch finds who was there before);
/// the birth is taken to be the start of that window, the earliest that it can be. Windows longer than 15 s prove nothing and count nothing.
/// So the figure is a lower bound. State: instances younger than 30 s, per epoch; after a restart of the service, or out of order, some are taken for older ones.
/// </summary>
internal sealed class Newborns
{
    /// <summary>The usual scrape interval of node exporters and cAdvisor: what is younger has no two samples, and so no rate.</summary>
    public const long ScrapeMicroseconds = 15_000_000;

    // Beyond these births are forgotten: the figure is then too low, which it may be.
    private const int MaxYoung = 100_000;
    private const int MaxEpochs = 100_000;

    private readonly Dictionary<string, Epoch> _epochs = new(StringComparer.Ordinal);

    /// <summary>The view on one batch's records.</summary>
    public OfBatch Of(DecodedBatch batch)
    {
        if (_epochs.Count > MaxEpochs) _epochs.Clear();
        if (!_epochs.TryGetValue(batch.Epoch, out var epoch)) _epochs[batch.Epoch] = epoch = new Epoch();
        epoch.MoveTo(batch.WindowEnd);
        return new OfBatch(epoch, batch);
    }

    internal readonly struct OfBatch(Epoch epoch, DecodedBatch batch)
    {
        private readonly bool _short = batch.WindowEnd > batch.WindowStart && batch.WindowEnd - batch.WindowStart <= ScrapeMicroseconds;

        /// <param name="isNew">No earlier batch has named the instance, as far as this process knows.</param>
        public bool IsUnscraped(in DecodedRecord record, bool isNew)
        {
            if (!_short) return false;
            if (isNew && record.FromZero && !record.Final) epoch.Bear(record.Inode, batch.WindowStart);
            return record.Final || (epoch.BirthOf(record.Inode) is { } birth && batch.WindowEnd - birth <= ScrapeMicroseconds);
        }
    }

    /// <summary>Births of the last 15 to 30 s, in two lists of which the older one is dropped as a whole.</summary>
    internal sealed class Epoch
    {
        private Dictionary<ulong, long> _births = [], _older = [];
        private long _since = long.MinValue;

        public void MoveTo(long windowEnd)
        {
            if (_since == long.MinValue) _since = windowEnd;
            if (windowEnd - _since <= ScrapeMicroseconds) return;
            (_older, _births, _since) = (_births, _older, windowEnd);
            _births.Clear();
        }

        public void Bear(ulong inode, long birth)
        {
            if (_births.Count < MaxYoung && !_older.ContainsKey(inode)) _births.TryAdd(inode, birth);
        }

        public long? BirthOf(ulong inode) =>
            _births.Count > 0 && _births.TryGetValue(inode, out var birth) ? birth : _older.Count > 0 && _older.TryGetValue(inode, out birth) ? birth : null;
    }
}
