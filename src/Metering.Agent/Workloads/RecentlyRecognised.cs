namespace Metering.Agent.Workloads;

/// <summary>
/// Remembers whose the paths of late were, since recognition is pure and most paths come again: the same service, the same job slot. Bounded: a path takes the place of another that falls on it.
/// Safe to call from any thread.
/// </summary>
internal sealed class RecentlyRecognised(Func<string, Workload> recognise)
{
    // A power of two.
    private const int Slots = 1024;

    private readonly Known?[] _slots = new Known?[Slots];

    /// <summary>Whose the cgroup at a path is.</summary>
    public Workload Recognise(string path)
    {
        ref var slot = ref _slots[path.GetHashCode(StringComparison.Ordinal) & (Slots - 1)];
        if (Volatile.Read(ref slot) is { } known && known.Path == path) return known.Workload;
        var workload = recognise(path);
        Volatile.Write(ref slot, new Known(path, workload));
        return workload;
    }

    private sealed record Known(string Path, Workload Workload);
}
