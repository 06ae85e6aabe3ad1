namespace Metering.Service.Ledger;

/// <summary>
/// A workload's name and labels over time. What is learnt late, with no earlier value, applies back to the workload's first usage; a value that changes begins a new version
/// with the bucket in which it was seen. A label that is not repeated keeps its value: who reports it may only know less for a while. Bounded in versions and labels.
/// </summary>
/// <param name="key">The workload's id on its host.</param>
internal sealed class AttributeHistory(string key, params AttributeVersion[] versions)
{
    /// <summary>Beyond this many, a changed value replaces the last version from its beginning: whoever renames each hour adds no more rows, and earlier ones stand.</summary>
    public const int MaxVersions = 32;

    public const int MaxLabels = 64;

    private AttributeVersion[] _versions = versions;

    /// <summary>Ordered by their beginnings, never empty.</summary>
    public IReadOnlyList<AttributeVersion> Versions => _versions;

    public AttributeVersion Latest => _versions[^1];

    /// <summary>Each version with the buckets it holds for, without gaps from 0 to the end of time.</summary>
    public IEnumerable<(long From, long To, AttributeVersion Version)> Intervals()
    {
        for (var i = 0; i < _versions.Length; i++) yield return (i == 0 ? 0 : _versions[i].From, i + 1 < _versions.Length ? _versions[i + 1].From : long.MaxValue, _versions[i]);
    }

    /// <summary>The first instant at which two histories differ; the end of time when they do not.</summary>
    public long DiffersFrom(AttributeHistory other)
    {
        var (mine, theirs) = (Intervals().ToList(), other.Intervals().ToList());
        for (var i = 0; i < Math.Min(mine.Count, theirs.Count); i++)
        {
            if (!mine[i].Version.Same(theirs[i].Version)) return i == 0 ? Math.Min(mine[0].Version.From, theirs[0].Version.From) : mine[i].From;
            if (mine[i].To != theirs[i].To) return Math.Min(mine[i].To, theirs[i].To);
        }

        return long.MaxValue;
    }

    /// <summary>True when the latest version says all that <paramref name="seen"/> says.</summary>
    public bool IsLatest(AttributeVersion seen) => !Contradicts(Latest, seen) && Overlay(Latest, seen).Same(Latest);

    /// <summary>Takes in what was seen in a bucket, in any order of buckets; true when that changed anything.</summary>
    public bool Observe(AttributeVersion seen)
    {
        var before = _versions;
        var all = _versions.ToList();
        var at = all.FindLastIndex(version => version.From <= seen.From);
        if (at < 0)
        {
            at = 0;
            if (!Contradicts(all[0], seen)) all[0] = Overlay(all[0], seen) with { From = seen.From };
            else if (all.Count < MaxVersions) all.Insert(0, seen);
        }
        else if (!Contradicts(all[at], seen) || all[at].From == seen.From || all.Count >= MaxVersions)
        {
            all[at] = Overlay(all[at], seen);
        }
        else
        {
            all.Insert(at + 1, Overlay(all[at], seen) with { From = seen.From });
            at++;
        }

        Spread(all, at);

        // Renamed and back within a bucket: what is as before is no version.
        for (var i = all.Count - 1; i > 0; i--)
        {
            if (all[i].Same(all[i - 1])) all.RemoveAt(i);
        }

        _versions = [.. all];
        return before.Length != _versions.Length || before.Zip(_versions).Any(pair => pair.First.From != pair.Second.From || !pair.First.Same(pair.Second));
    }

    // What a version knows reaches its neighbours as far as they have no value of their own.
    private void Spread(List<AttributeVersion> all, int from)
    {
        foreach (var step in (ReadOnlySpan<int>)[-1, 1])
        {
            var name = all[from].HasName(key) ? all[from].Name : null;
            var labels = all[from].Labels;
            for (var i = from + step; i >= 0 && i < all.Count && (name is not null || labels.Count > 0); i += step)
            {
                var here = all[i];
                if (here.HasName(key)) name = null;
                labels = labels.Where(label => !here.Labels.ContainsKey(label.Key)).ToDictionary(StringComparer.Ordinal);
                all[i] = Overlay(here, new AttributeVersion(here.From, name ?? here.Name, labels));
            }
        }
    }

    private bool Contradicts(AttributeVersion known, AttributeVersion seen) =>
        (known.HasName(key) && seen.HasName(key) && known.Name != seen.Name) || seen.Labels.Any(label => known.Labels.TryGetValue(label.Key, out var value) && value != label.Value);

    private AttributeVersion Overlay(AttributeVersion known, AttributeVersion seen)
    {
        var name = seen.HasName(key) || !known.HasName(key) ? seen.Name : known.Name;
        if (seen.Labels.All(label => known.Labels.TryGetValue(label.Key, out var value) && value == label.Value)) return known with { Name = name };
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (label, value) in known.Labels) labels[label] = value;
        foreach (var (label, value) in seen.Labels)
        {
            if (labels.Count < MaxLabels || labels.ContainsKey(label)) labels[label] = value;
        }

        return known with { Name = name, Labels = labels };
    }
}
