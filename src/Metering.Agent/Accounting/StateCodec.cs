using System.Buffers.Binary;
using Metering.Agent.Cgroups;
using Metering.Agent.Workloads;
using Metering.Messages;

namespace Metering.Agent.Accounting;

/// <summary>
/// The baselines as the journal stores them. A whole state is the entries of all nodes; a delta, those that changed and the inodes of those that ended.
/// Version 1, all numbers are base-128 varints unless said: entry 1 = node (inode, parent inode, path bytes, flags, accounts), entry 2 = ended (inode),
/// entry 3 = name and labels that the path does not tell (inode, name, number of labels, keys and values), entry 4 = id of the present tenant where the path does not tell it (inode, id).
/// One blob per pass instead of a row per cgroup: 10,000 row upserts cost more than the pass itself.
/// </summary>
internal static class StateCodec
{
    private const byte NodeEntry = 1, EndedEntry = 2, DescriptionEntry = 3, TenantEntry = 4;

    [Flags]
    private enum Has
    {
        Enumerated = 1,
        Memory = 2,
        Io = 4,
        Pids = 8,
        BornLater = 16,
        FromZero = 32,
        Slow = 64,
        Missed = 128,
        IoMissed = 256,
        IoFile = 512,
    }

    public static void WriteNode(ProtoBuffer into, CgroupNode node)
    {
        into.Raw(NodeEntry);
        into.Raw(node.Inode);
        into.Raw(node.Parent?.Inode ?? 0);
        var path = CgroupName.EncodeTerminated(node.Path).AsSpan()[..^1];
        into.Raw((ulong)path.Length);
        into.Append(path);
        var flags = (node.Enumerated ? Has.Enumerated : 0) | (node.Memory is null ? 0 : Has.Memory) | (node.Io is null ? 0 : Has.Io) |
            (node.Pids is { Known: true } ? Has.Pids : 0) | (node.BornLater ? Has.BornLater : 0) | (node.FromZero ? Has.FromZero : 0) |
            (node.Slow is null ? 0 : Has.Slow) | (node.Missed ? Has.Missed : 0) | (node.Io is { Missed: true } ? Has.IoMissed : 0) | (node.Io is { FileInode: > 0 } ? Has.IoFile : 0);
        into.Raw((ulong)flags);
        Write(into, node.Cpu);
        if (node.Memory is { } memory) Write(into, memory);
        if (node.Io is { } io) Write(into, io);
        if (node.Io is { FileInode: > 0 } opened) into.Raw(opened.FileInode);
        if (node.Pids is { Known: true } pids)
        {
            into.Raw(pids.Peak);
            into.Raw((ulong)pids.Availability);
        }

        if (node.Slow is { } slow) SlowCodec.Write(into, slow);
    }

    /// <summary>The description of a node that has one of its own; in a delta only when it is new.</summary>
    public static void WriteDescription(ProtoBuffer into, CgroupNode node, bool whole)
    {
        if (!node.Described || (node.DescriptionStored && !whole)) return;
        into.Raw(DescriptionEntry);
        into.Raw(node.Inode);
        WriteText(into, node.Workload.Name);
        into.Raw((ulong)node.Workload.Labels.Count);
        foreach (var (key, value) in node.Workload.Labels)
        {
            WriteText(into, key);
            WriteText(into, value);
        }

        if (node.Workload.Id == node.Recognised.Id) return;
        into.Raw(TenantEntry);
        into.Raw(node.Inode);
        WriteText(into, node.Workload.Id);
    }

    private static void WriteText(ProtoBuffer into, string text)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(text);
        into.Raw((ulong)bytes.Length);
        into.Append(bytes);
    }

    private static (string Name, SortedDictionary<string, string> Labels) ReadDescription(ref StateReader reader)
    {
        var name = ReadText(ref reader);
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        for (var count = reader.Next(); count > 0; count--) labels[ReadText(ref reader)] = ReadText(ref reader);
        return (name, labels);
    }

    private static string ReadText(ref StateReader reader) => System.Text.Encoding.UTF8.GetString(reader.Bytes((int)reader.Next()));

    public static void WriteEnded(ProtoBuffer into, CgroupNode node)
    {
        into.Raw(EndedEntry);
        into.Raw(node.Inode);
    }

    /// <summary>Replays a whole state and the deltas after it. The root comes first, every parent before its children. Throws <see cref="InvalidDataException"/> on bytes that are none of ours.</summary>
    public static List<CgroupNode> Replay(IEnumerable<byte[]> blobs, Func<string, Workload> recognise)
    {
        var entries = new Dictionary<ulong, (ulong Parent, int Blob, int At)>();
        var descriptions = new Dictionary<ulong, (string Name, SortedDictionary<string, string> Labels)>();
        var tenants = new Dictionary<ulong, string>();
        var kept = new List<byte[]>();
        foreach (var blob in blobs)
        {
            kept.Add(blob);
            var scan = new StateReader(blob, 0);
            while (!scan.AtEnd)
            {
                var kind = scan.Next();
                var at = scan.At;
                var inode = scan.Next();
                if (kind == EndedEntry)
                {
                    entries.Remove(inode);
                    descriptions.Remove(inode);
                    tenants.Remove(inode);
                }
                else if (kind == TenantEntry) tenants[inode] = ReadText(ref scan);
                else if (kind == DescriptionEntry) descriptions[inode] = ReadDescription(ref scan);
                else if (kind == NodeEntry) entries[inode] = (Skip(ref scan), kept.Count - 1, at);
                else throw new InvalidDataException($"Entry of kind {kind} at byte {at} of a stored baseline.");
            }
        }

        var byParent = entries.ToLookup(entry => entry.Value.Parent, entry => entry.Key);
        var nodes = new List<CgroupNode>(entries.Count);
        Load(0, null);
        return nodes;

        void Load(ulong inode, CgroupNode? parent)
        {
            if (!entries.TryGetValue(inode, out var entry)) return;
            var node = Read(new StateReader(kept[entry.Blob], entry.At), parent, recognise);
            if (descriptions.TryGetValue(inode, out var description))
            {
                node.Describe(tenants.GetValueOrDefault(inode, node.Workload.Id), description.Name, description.Labels);
                (node.Renamed, node.DescriptionStored) = (false, true);
            }

            nodes.Add(node);
            foreach (var child in byParent[inode])
            {
                if (child != inode) Load(child, node);
            }
        }
    }

    // Reads past an entry, cheaply, and tells its parent.
    private static ulong Skip(ref StateReader reader)
    {
        var parent = reader.Next();
        reader.Bytes((int)reader.Next());
        var flags = (Has)reader.Next();
        SkipNumbers(ref reader, AccountNumbers);
        if (flags.HasFlag(Has.Memory))
        {
            SkipNumbers(ref reader, AccountNumbers + 5);
            reader.Bytes(16);
        }

        if (flags.HasFlag(Has.Io))
        {
            SkipNumbers(ref reader, 4 * AccountNumbers + 5);
            var devices = reader.Next();
            SkipNumbers(ref reader, checked((int)devices * 6));
        }

        if (flags.HasFlag(Has.IoFile)) SkipNumbers(ref reader, 1);

        if (flags.HasFlag(Has.Pids)) SkipNumbers(ref reader, 2);
        if (flags.HasFlag(Has.Slow)) SkipNumbers(ref reader, checked((int)reader.Next()));
        return parent;
    }

    private static void SkipNumbers(ref StateReader reader, int count)
    {
        for (var i = 0; i < count; i++) reader.Next();
    }

    private static CgroupNode Read(StateReader reader, CgroupNode? parent, Func<string, Workload> recognise)
    {
        var inode = reader.Next();
        reader.Next();
        var path = CgroupName.Decode(reader.Bytes((int)reader.Next()));
        var flags = (Has)reader.Next();
        var node = new CgroupNode(inode, path, parent, recognise(path))
        {
            Enumerated = flags.HasFlag(Has.Enumerated),
            BornLater = flags.HasFlag(Has.BornLater),
            FromZero = flags.HasFlag(Has.FromZero),
            Missed = flags.HasFlag(Has.Missed),
            Announced = true,
            Cpu = ReadAccount(ref reader),
        };
        if (flags.HasFlag(Has.Memory)) node.Memory = ReadMemory(ref reader);
        if (flags.HasFlag(Has.Io))
        {
            node.Io = ReadIo(ref reader);
            node.Io.Missed = flags.HasFlag(Has.IoMissed);
        }

        if (flags.HasFlag(Has.IoFile)) node.Io!.FileInode = reader.Next();
        if (flags.HasFlag(Has.Pids))
        {
            var peak = reader.Next();
            node.Pids = new PeakState { Peak = peak, Journalled = peak, Known = true, Availability = (Availability)reader.Next() };
        }

        if (flags.HasFlag(Has.Slow)) node.Slow = SlowCodec.Read(ref reader);

        return node;
    }

    private const int AccountNumbers = 10;

    private static void Write(ProtoBuffer into, in Account account)
    {
        into.Raw(account.Base);
        into.Raw(account.Reading);
        into.Raw(account.Passed);
        into.Raw(account.Own);
        into.Raw(account.Dead);
        into.Raw(account.Claim);
        into.Raw(account.GenerationOwn);
        into.Raw(account.Generation);
        into.Raw(account.Started ? 1UL : 0);
        into.Raw(account.EndOnceJournalled);
    }

    private static Account ReadAccount(ref StateReader reader)
    {
        var account = new Account
        {
            Base = reader.Next(),
            Reading = reader.Next(),
            Passed = reader.Next(),
            Own = reader.Next(),
            Dead = reader.Next(),
            Claim = reader.Next(),
            GenerationOwn = reader.Next(),
            Generation = (uint)reader.Next(),
            Started = reader.Next() == 1,
        };
        (account.JournalledOwn, account.JournalledGeneration) = (account.Own, account.Generation);
        account.PublishedEnd = reader.Next();
        return account;
    }

    private static void Write(ProtoBuffer into, MemoryState memory)
    {
        Write(into, memory.Account);
        into.Raw(memory.Level ? 1UL : 0);
        into.Raw(memory.LevelBytes);
        into.Raw((ulong)memory.LevelAtMicroseconds);
        into.Raw(memory.PeakBytes);
        into.Raw((ulong)memory.Availability);
        Span<byte> integral = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128LittleEndian(integral, ((UInt128)memory.Account.Reading * 1_000_000) + memory.Remainder);
        into.Append(integral);
    }

    private static MemoryState ReadMemory(ref StateReader reader)
    {
        var memory = new MemoryState
        {
            Account = ReadAccount(ref reader),
            Level = reader.Next() == 1,
            LevelBytes = reader.Next(),
            LevelAtMicroseconds = (long)reader.Next(),
            PeakBytes = reader.Next(),
            Availability = (Availability)reader.Next(),
            Remainder = (uint)(BinaryPrimitives.ReadUInt128LittleEndian(reader.Bytes(16)) % 1_000_000),
        };
        (memory.ReadAtMicroseconds, memory.JournalledPeakBytes) = (memory.LevelAtMicroseconds, memory.PeakBytes);
        return memory;
    }

    private static void Write(ProtoBuffer into, IoState io)
    {
        foreach (var account in io.Accounts) Write(into, account);
        for (var i = 0; i < 4; i++) into.Raw(io.Sum(i));
        into.Raw((ulong)io.Availability);
        into.Raw((ulong)io.Last.Count);
        foreach (var ((group, device), last) in io.Last)
        {
            into.Raw(group);
            into.Raw(device);
            into.Raw(last.ReadBytes);
            into.Raw(last.WriteBytes);
            into.Raw(last.ReadOperations);
            into.Raw(last.WriteOperations);
        }
    }

    private static IoState ReadIo(ref StateReader reader)
    {
        var io = new IoState();
        for (var i = 0; i < 4; i++) io.Accounts[i] = ReadAccount(ref reader);
        (io.ReadBytes, io.WriteBytes, io.ReadOperations, io.WriteOperations) = (reader.Next(), reader.Next(), reader.Next(), reader.Next());
        io.Availability = (Availability)reader.Next();
        for (var count = reader.Next(); count > 0; count--)
        {
            var key = (reader.Next(), reader.Next());
            io.Last[key] = new IoReading(key.Item2, reader.Next(), reader.Next(), reader.Next(), reader.Next());
        }

        return io;
    }
}
