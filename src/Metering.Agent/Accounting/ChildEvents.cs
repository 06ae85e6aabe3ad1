namespace Metering.Agent.Accounting;

/// <summary>Births and deaths below one cgroup that were told and not yet acted upon.</summary>
internal sealed class ChildEvents
{
    /// <summary>In the order of the kernel.</summary>
    public readonly List<(bool Born, ChildName Name)> Told = [];

    /// <summary>Names whose death was found before it was told, and how often: the event to come is no further death.</summary>
    public readonly Dictionary<string, int> Foretold = new(StringComparer.Ordinal);

    /// <summary>Waits in the meterer's queue.</summary>
    public bool Queued;

    /// <summary>Its children are not read again for a settlement before this moment.</summary>
    public long NotBefore;

    public void Foretell(ReadOnlySpan<char> name)
    {
        if (Foretold.GetAlternateLookup<ReadOnlySpan<char>>() is var names && names.TryGetValue(name, out var times)) names[name] = times + 1;
        else Foretold[name.ToString()] = 1;
    }

    /// <summary>True when this death is already known.</summary>
    public bool WasForetold(string name)
    {
        if (!Foretold.TryGetValue(name, out var times)) return false;
        if (times == 1) Foretold.Remove(name);
        else Foretold[name] = times - 1;
        return true;
    }

    public void Forget()
    {
        Told.Clear();
        Foretold.Clear();
    }
}
