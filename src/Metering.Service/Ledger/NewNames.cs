namespace Metering.Service.Ledger;

/// <summary>Counts the workloads that each host has made new in its newest bucket. An agent that misbehaves costs the ledger no more rows, and this process no more memory, than the bound.</summary>
internal sealed class NewNames(int bound)
{
    private const int MaxHosts = 100_000;

    private readonly Dictionary<string, Share> _hosts = new(StringComparer.Ordinal);
    private readonly List<Share> _taken = [];

    /// <summary>False when the host has used up its share. Usage of an older bucket that comes late counts into the newest one.</summary>
    public bool Take(string host, long bucket)
    {
        if (!_hosts.TryGetValue(host, out var share))
        {
            if (_hosts.Count >= MaxHosts) _hosts.Clear();
            _hosts[host] = share = new Share { Bucket = bucket };
        }

        if (bucket > share.Bucket) (share.Bucket, share.Count, share.Unsettled) = (bucket, 0, 0);
        if (share.Count >= bound) return false;
        share.Count++;
        if (share.Unsettled++ == 0) _taken.Add(share);
        return true;
    }

    public void Settled()
    {
        foreach (var share in _taken) share.Unsettled = 0;
        _taken.Clear();
    }

    /// <summary>What was taken since the last transaction was in vain: it comes again.</summary>
    public void Forget()
    {
        foreach (var share in _taken) (share.Count, share.Unsettled) = (share.Count - share.Unsettled, 0);
        _taken.Clear();
    }

    private sealed class Share
    {
        public long Bucket;
        public int Count, Unsettled;
    }
}
