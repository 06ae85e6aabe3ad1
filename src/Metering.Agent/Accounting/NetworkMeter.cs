using System.Runtime.InteropServices;
using Metering.Agent.Cgroups;

namespace Metering.Agent.Accounting;

/// <summary>
/// Network bytes per network namespace, from <c>/proc/PID/net/dev</c> of a process in it, as the workload sees its interfaces (its end of a veth pair, not the host's).
/// The kernel has no such counter per cgroup. A namespace is billed to the first cgroup met in it until that ends, then to the next; what is in the host's own namespace shares
/// its interfaces with everything else there and is not attributed. A namespace's counters end with its last process: what passed after the last reading is lost.
/// </summary>
internal sealed class NetworkMeter(ICgroupTree tree, PassCounters counters, string proc = "/proc")
{
    private const string HostNetwork = "unavailable: host network, shared with everything else there and unattributed";
    private const string NotVisible = "unavailable: the network namespace of its processes can not be told (CAP_SYS_PTRACE, hidepid, or another pid namespace)";

    /// <summary>Directories of a container's inner tree that are searched for a process.</summary>
    private const int SearchedDirectories = 64;

    /// <summary>Interfaces kept for a namespace; a tenant who makes more by the thousand costs no more than these.</summary>
    private const int KeptInterfaces = 256;

    /// <summary>Passes for which a namespace waits for its next cgroup when the one that it was billed to is gone.</summary>
    private const int OrphanPasses = 12;

    private readonly ProcessFiles _processes = new(proc);
    private readonly Dictionary<ulong, Shared> _namespaces = [];
    private readonly List<CgroupEntry> _entries = [];
    private readonly byte[] _buffer = new byte[64 * 1024];
    private readonly byte[] _indexes = new byte[16 * 1024];
    private ulong _host;

    /// <summary>Why no namespace can be told apart on this host; null when they can.</summary>
    public string? Trouble => HostNamespace() == 0 ? "unavailable: no network namespace can be told (/proc/PID/ns/net; run as root, in the host's pid namespace)" : null;

    /// <summary>Growth since the last reading of the cgroup's namespace, where it is billed to this cgroup.</summary>
    /// <param name="known">False when nothing is known: no process, no right to look, or billed elsewhere.</param>
    /// <returns>Why this cgroup has no network figure; null when it has one, or has no process.</returns>
    public string? Read(CgroupNode node, SlowState state, long pass, out ulong received, out ulong sent, out bool known)
    {
        (received, sent, known) = (0, 0, false);
        if (HostNamespace() == 0) return null;
        var network = state.Network ??= new NetworkState();
        if (network.Process == 0 || _processes.Namespace(network.Process, "ns/net"u8) != network.Namespace || network.Namespace == 0)
        {
            if (!FindMember(node, network, out var seen)) return seen ? NotVisible : node.Notes?[(int)Meters.MeterFamily.Network];
        }

        if (network.Namespace == _host) return Leave(node, network, HostNetwork);
        var shared = Owner(node, network, pass);
        if (shared.Owner != node) return Leave(node, network, shared.Note!);
        if (!ReadInterfaces(network.Process, shared, node.FromZero, ref received, ref sent)) return null;
        known = true;
        return null;
    }

    /// <summary>A cgroup that the journal knew as the one a namespace is billed to.</summary>
    public void Restore(CgroupNode node)
    {
        if (node.Slow?.Network is { Interfaces: { } interfaces, Namespace: > 0 } network) _namespaces[network.Namespace] = new Shared(node, interfaces);
    }

    /// <summary>The cgroup is gone; its namespace may live on with others.</summary>
    public void Forget(CgroupNode node)
    {
        if (node.Slow?.Network is { Interfaces: not null } network && _namespaces.TryGetValue(network.Namespace, out var shared) && shared.Owner == node) shared.Orphan();
    }

    private string Leave(CgroupNode node, NetworkState network, string note)
    {
        // Its process has moved to another namespace; the former one waits for the next cgroup in it.
        if (network.Interfaces is null) return note;
        foreach (var shared in _namespaces.Values)
        {
            if (shared.Owner == node) shared.Orphan();
        }

        network.Interfaces = null;
        return note;
    }

    private Shared Owner(CgroupNode node, NetworkState network, long pass)
    {
        if (_namespaces.TryGetValue(network.Namespace, out var shared) && shared.Owner is null && shared.OrphanedAt < pass - OrphanPasses) shared = null;
        if (shared is null)
        {
            Sweep(pass);
            _namespaces[network.Namespace] = shared = new Shared(node, []);
        }
        else if (shared.Owner is null)
        {
            shared.Take(node);
        }

        shared.OrphanedAt = pass;
        if (shared.Owner == node && network.Interfaces != shared.Interfaces)
        {
            Leave(node, network, "");
            shared.Take(node);
            network.Interfaces = shared.Interfaces;
        }

        return shared;
    }

    private void Sweep(long pass)
    {
        foreach (var (inode, shared) in _namespaces)
        {
            if (shared.Owner is null && shared.OrphanedAt < pass - OrphanPasses) _namespaces.Remove(inode);
        }
    }

    private bool ReadInterfaces(int process, Shared shared, bool fromZero, ref ulong received, ref ulong sent)
    {
        var length = _processes.Read(process, "net/dev"u8, _buffer);
        counters.FilesRead++;
        if (length <= 0) return false;
        var indexes = Math.Max(_processes.Read(process, "net/igmp"u8, _indexes), 0);
        var first = !shared.IsRead;
        shared.IsRead = true;
        ReadOnlySpan<byte> rest = _buffer.AsSpan(0, length);
        while (!rest.IsEmpty)
        {
            if (!NetworkParser.TryInterface(StatParser.NextLine(ref rest), out var now, out var malformed))
            {
                if (malformed) counters.Malformed++;
                continue;
            }

            now = now with { Index = NetworkParser.IndexOf(now.Name, _indexes.AsSpan(0, indexes)) };
            ref var last = ref CollectionsMarshal.GetValueRefOrAddDefault(shared.Interfaces, now.Name, out var seen);
            if (seen)
            {
                var another = now.Index != last.Index && now.Index != 0 && last.Index != 0;
                received += another || now.ReceivedBytes < last.ReceivedBytes ? now.ReceivedBytes : now.ReceivedBytes - last.ReceivedBytes;
                sent += another || now.SentBytes < last.SentBytes ? now.SentBytes : now.SentBytes - last.SentBytes;
            }
            else if (!first || fromZero)
            {
                received += now.ReceivedBytes;
                sent += now.SentBytes;
            }

            last = now;
        }

        if (shared.Interfaces.Count > KeptInterfaces) shared.Trim(_buffer.AsSpan(0, length));
        return true;
    }

    // Where a container runs a tree of its own, its processes are further down.
    private bool FindMember(CgroupNode node, NetworkState network, out bool seen)
    {
        var left = SearchedDirectories;
        seen = false;
        (network.Process, network.Namespace) = (0, 0);
        return FindMember(node.Path, node.Inode, node.Workload.Whole, network, ref left, ref seen);
    }

    private bool FindMember(string path, ulong inode, bool below, NetworkState network, ref int left, ref bool seen)
    {
        var directory = tree.OpenDirectory(path, inode);
        if (directory < 0) return false;
        var handle = tree.OpenIn(directory, "cgroup.procs\0"u8);
        tree.Close(directory);
        if (handle >= 0)
        {
            var length = tree.Read(handle, _buffer);
            tree.Close(handle);
            counters.FilesRead++;
            if (length > 0 && SlowParser.TryFirstProcess(_buffer.AsSpan(0, length), out var process))
            {
                seen = true;
                var found = _processes.Namespace(process, "ns/net"u8);
                if (found != 0)
                {
                    (network.Process, network.Namespace) = (process, found);
                    return true;
                }
            }
        }

        if (!below) return false;
        var from = _entries.Count;
        if (!tree.List(path, _entries)) return false;
        var children = _entries.GetRange(from, _entries.Count - from);
        _entries.Clear();
        foreach (var child in children)
        {
            if (left-- <= 0) return false;
            if (FindMember(path + "/" + child.Name, child.Inode, below, network, ref left, ref seen)) return true;
        }

        return false;
    }

    // Where the first process may not be looked at, the agent's own namespace is taken for the host's: who shares it with the agent shares its interfaces in any case.
    private ulong HostNamespace()
    {
        if (_host == 0) _host = _processes.Namespace(1, "ns/net"u8);
        if (_host == 0) _host = _processes.Namespace(Environment.ProcessId, "ns/net"u8);
        return _host;
    }

    private sealed class Shared(CgroupNode owner, Dictionary<ulong, InterfaceReading> interfaces)
    {
        public CgroupNode? Owner { get; private set; } = owner;

        public Dictionary<ulong, InterfaceReading> Interfaces { get; } = interfaces;

        /// <summary>What the other cgroups in the namespace are told.</summary>
        public string? Note { get; private set; } = Say(owner);

        public bool IsRead { get; set; } = interfaces.Count > 0;

        public long OrphanedAt { get; set; }

        public void Take(CgroupNode node) => (Owner, Note) = (node, Say(node));

        public void Orphan() => Owner = null;

        public void Trim(ReadOnlySpan<byte> dev)
        {
            var present = new HashSet<ulong>();
            while (!dev.IsEmpty)
            {
                if (NetworkParser.TryInterface(StatParser.NextLine(ref dev), out var now, out _)) present.Add(now.Name);
            }

            foreach (var name in Interfaces.Keys)
            {
                if (!present.Contains(name)) Interfaces.Remove(name);
            }
        }

        // A label is bounded; a path may be thousands of bytes.
        private static string Cut(string path) => path.Length <= 256 ? path : path[..256] + "…";

        private static string Say(CgroupNode node) => "unavailable: shared network namespace, billed on " + Cut(CgroupName.Display(node.Path));
    }
}
