using System.Numerics;
using Metering.Agent.Cgroups;

namespace Metering.Agent.Accounting;

/// <summary>
/// The slow families of one cgroup as the journal stores them: how many numbers follow, then base-128 varints. A mask of the meters that are known and five numbers for each
/// (reading, used, own, dead, claim), a mask of the levels that are known and three for each (value, instant, remainder), facts from v1, inode of memory.events, lifetime counted until,
/// namespace, of its interfaces four numbers each, and the v1 groups that are joined. Limits are not stored: they are read anew.
/// </summary>
internal static class SlowCodec
{
    public static void Write(ProtoBuffer into, SlowState state)
    {
        uint tallies = 0, levels = 0;
        for (var i = 0; i < state.Tallies.Length; i++) tallies |= state.Tallies[i].Started ? 1u << i : 0;
        for (var i = 0; i < state.Levels.Length; i++) levels |= state.Levels[i].Known ? 1u << i : 0;
        var interfaces = state.Network?.Interfaces;
        into.Raw((ulong)(8 + 5 * BitOperations.PopCount(tallies) + 3 * BitOperations.PopCount(levels) + 4 * (interfaces?.Count ?? 0)));
        into.Raw(tallies);
        foreach (ref readonly var tally in state.Tallies.AsSpan())
        {
            if (!tally.Started) continue;
            into.Raw(tally.Reading);
            into.Raw(tally.Used);
            into.Raw(tally.Own);
            into.Raw(tally.Dead);
            into.Raw(tally.Claim);
        }

        into.Raw(levels);
        foreach (ref readonly var level in state.Levels.AsSpan())
        {
            if (!level.Known) continue;
            into.Raw(level.Value);
            into.Raw((ulong)level.AtMicroseconds);
            into.Raw(level.Remainder);
        }

        into.Raw(state.BestEffort);
        into.Raw(state.EventsInode);
        into.Raw((ulong)state.AliveAtMicroseconds);
        into.Raw(interfaces is null ? 0 : state.Network!.Namespace);
        into.Raw((ulong)(interfaces?.Count ?? 0));
        if (interfaces is not null)
        {
            foreach (var one in interfaces.Values)
            {
                into.Raw(one.Name);
                into.Raw(one.Index);
                into.Raw(one.ReceivedBytes);
                into.Raw(one.SentBytes);
            }
        }

        into.Raw(state.JoinedGroups);
    }

    public static SlowState Read(ref StateReader reader)
    {
        var state = new SlowState();
        var numbers = reader.Next();
        var known = reader.Next();
        var others = 7 + 5UL * (ulong)BitOperations.PopCount(known);
        for (var i = 0; i < state.Tallies.Length; i++)
        {
            if ((known & (1UL << i)) == 0) continue;
            ref var tally = ref state.Tallies[i];
            tally = new Tally { Started = true, Reading = reader.Next(), Used = reader.Next(), Own = reader.Next(), Dead = reader.Next(), Claim = reader.Next() };
            tally.Journalled = tally.Own;
        }

        known = reader.Next();
        others += 3UL * (ulong)BitOperations.PopCount(known);
        for (var i = 0; i < state.Levels.Length; i++)
        {
            if ((known & (1UL << i)) != 0) state.Levels[i] = new Level { Known = true, Value = reader.Next(), AtMicroseconds = (long)reader.Next(), Remainder = reader.Next() };
        }

        state.BestEffort = (uint)reader.Next();
        state.EventsInode = reader.Next();
        state.AliveAtMicroseconds = (long)reader.Next();
        var inode = reader.Next();
        var count = reader.Next();
        if (inode != 0) state.Network = new NetworkState { Namespace = inode, Interfaces = [] };
        others += 4 * count;
        for (; count > 0; count--)
        {
            var one = new InterfaceReading(reader.Next(), (uint)reader.Next(), reader.Next(), reader.Next());
            state.Network!.Interfaces![one.Name] = one;
        }

        // Not in the states of earlier versions.
        if (numbers > others) state.JoinedGroups = reader.Next();
        return state;
    }
}
