using Metering.Agent.Cgroups;
using Metering.Safety;

namespace Metering.Agent.Accounting;

// How instances become known: by listing a directory that is then watched, and from there by events.
internal sealed partial class Meterer
{
    private enum Met
    {
        Known,
        New,
        Missing,
        Refused,
    }

    private bool CountsFromZero(CgroupNode node)
    {
        if (_everythingIsNew) return !_options.Has(SafetyRule.FirstPassIsBaseline);
        return _options.Has(SafetyRule.NewbornBilledFromZero) && node.BornLater;
    }

    private void FindChildren(CgroupNode node)
    {
        if (node.Watch < 0)
        {
            // Watching before listing: what is born in between is then told twice, never missed.
            node.Watch = _tree.Watch(node.Path);
            if (node.Watch == -Posix.ENOSPC && GiveUpLeafWatches()) node.Watch = _tree.Watch(node.Path);
            if (node.Watch >= 0 && IsStillAt(node)) _watches[node.Watch] = node;
            else node.Watch = -1;
            if (node.Watch < 0) Counters.UnwatchedDirectories++;
            (node.NeedsListing, node.Sure, node.Clean) = (true, false, false);
        }

        if (node.NeedsListing)
        {
            _entries.Clear();
            if (_tree.List(node.Path, _entries) && IsStillAt(node))
            {
                (node.NeedsListing, node.Refused) = (false, false);
                foreach (var entry in _entries) Meet(node, null, entry);
                if (node.Enumerated == node.Refused) Touch(node);
                node.Enumerated = !node.Refused;
            }
            else
            {
                NotListed(node);
            }
        }

        if (node.Events is { Told.Count: > 0 } events) Hear(node, events);
    }

    // Outside of the CPU walk: deaths wait for it, since it is there that what they used is settled.
    private void FindBirths(CgroupNode node)
    {
        if (node.NeedsListing || node.Watch < 0)
        {
            FindChildren(node);
            return;
        }

        if (node.Events is not { Told.Count: > 0 } events) return;
        for (var i = 0; i < events.Told.Count;)
        {
            if (!events.Told[i].Born || Meet(node, events.Told[i].Name) == Met.Missing) i++;
            else if (i < events.Told.Count) events.Told.RemoveAt(i);
        }

        if (events.Told.Count > 0) Queue(node);
    }

    // A path may have been made again by another instance, and what lies below it is then that one's. An instance never comes back, so a check afterwards tells of before.
    private bool IsStillAt(CgroupNode node) => node.Parent is null || _tree.InodeAt(node.Path) == node.Inode;

    // A name under a parent: a known instance, or a new one. The inode comes from the opened directory, since the path may have been made again since it was listed.
    private Met Meet(CgroupNode parent, ChildName? told, CgroupEntry? listed = null)
    {
        if (listed is { } entry && _nodes.ContainsKey(entry.Inode)) return Met.Known;
        var path = told?.Path ?? Join(parent.Path, listed!.Value.Name);
        var handle = _tree.OpenInstance(path, out var actual);
        var notNow = handle is -Posix.EMFILE or -Posix.ENFILE || (handle == -Posix.ENOENT && TreeIsGone());
        if (handle is -Posix.ENOENT or -Posix.ENODEV && !notNow) return Met.Missing;
        if (notNow || (handle < 0 && handle != -Posix.EACCES)) Failed(handle);

        // Never to be had, as below a path that is longer than the kernel takes: its parent's own.
        if (handle < 0 && !notNow && handle != -Posix.EACCES) return Met.Refused;
        if (!notNow && (_nodes.ContainsKey(actual) || actual == 0 || !IsStillAt(parent)))
        {
            if (handle >= 0) _tree.Close(handle);
            return Met.Known;
        }

        if (notNow || !MayName(parent))
        {
            if (handle >= 0) _tree.Close(handle);
            if (notNow) parent.NeedsListing = true;
            Unproved(parent);
            return Met.Refused;
        }

        // Two instances never share a path: the one that was here is gone, and the event that tells it is still to come.
        if (_byPath.TryGetValue(path, out var earlier))
        {
            Foretell(earlier);
            Die(earlier);
        }

        // Younger than the last complete enumeration of its parent, or below a cgroup that is.
        var node = Adopt(Make(actual, path, parent, _recognise(path)));
        (node.BornLater, node.MetAt, node.ReadAt) = (parent.Enumerated || parent.BornLater, _clock, _clock);
        node.FromZero = CountsFromZero(node);
        if (handle < 0) Failed(handle);
        else if (!Keep(node, handle)) _tree.Close(handle);
        parent.Children.Add(node);
        parent.Complete = false;
        Counters.Births++;
        Touch(node);
        if (_following) _newborn.Add(node);
        return Met.New;
    }

    private bool MayName(CgroupNode parent)
    {
        if (!IsFull(parent))
        {
            parent.Names++;
            return true;
        }

        Counters.NamesOverBound++;
        return false;
    }

    private bool IsFull(CgroupNode parent)
    {
        var bucket = _now / BucketBoundMicroseconds;
        if (parent.NamesBucket != bucket) (parent.NamesBucket, parent.Names) = (bucket, 0);
        return parent.Names >= _options.MaxWorkloadsPerParent;
    }

    private void WatchEnd(CgroupNode node)
    {
        node.EventsWatch = NoWatch;
        if (node.Parent is null) return;
        var watch = _endWatches.Count < _endWatchesBound ? _tree.WatchEvents(node.Path) : -Posix.ENOSPC;
        if (watch < 0)
        {
            Counters.UnwatchedLeaves++;
            if (watch == -Posix.ENOSPC) _endWatchesBound = Math.Min(_endWatchesBound, Math.Max(_endWatches.Count, 1));
            return;
        }

        if (_endWatches.TryGetValue(watch, out var earlier)) earlier.EventsWatch = NoWatch;
        _endWatches[watch] = node;
        node.EventsWatch = watch;
    }

    private void UnwatchEnd(CgroupNode node)
    {
        if (node.EventsWatch >= 0 && _endWatches.Remove(node.EventsWatch)) _tree.Unwatch(node.EventsWatch);
        node.EventsWatch = NoWatch;
    }

    // Births and deaths are worth more than the moment a leaf empties.
    private bool GiveUpLeafWatches()
    {
        if (_endWatches.Count == 0) return false;
        foreach (var node in _endWatches.Values.Take(Math.Max(_endWatches.Count / 8, 1)).ToArray())
        {
            UnwatchEnd(node);
            Counters.UnwatchedLeaves++;
        }

        _endWatchesBound = Math.Max(_endWatches.Count, 1);
        return true;
    }
}
