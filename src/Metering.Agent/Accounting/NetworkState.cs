using Metering.Agent.Cgroups;

namespace Metering.Agent.Accounting;

/// <summary>Where a cgroup's network usage is read: a process of it, and the network namespace that this process is in.</summary>
internal sealed class NetworkState
{
    /// <summary>A member, 0 when none is known.</summary>
    public int Process;

    /// <summary>Inode of its network namespace (<c>/proc/PID/ns/net</c>), 0 when unknown.</summary>
    public ulong Namespace;

    /// <summary>Nothing passed between its last two readings, or it is not this cgroup's: it is then read rarely.</summary>
    public bool Quiet;

    /// <summary>Of a namespace that this cgroup is billed for: what each interface showed last. Null while it is billed elsewhere.</summary>
    public Dictionary<ulong, InterfaceReading>? Interfaces;
}
