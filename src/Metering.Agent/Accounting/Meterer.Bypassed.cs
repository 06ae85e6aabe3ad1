using Metering.Agent.Cgroups;
using Metering.Meters;

namespace Metering.Agent.Accounting;

// I/O that io.stat does not see: the figure stays what the kernel counted, and is said to be partial.
internal sealed partial class Meterer
{
    private const string PartialNote = "partial";

    /// <summary>Looks at the mounts of workloads; null: not asked for.</summary>
    public BypassedIo? Bypassed { get; init; }

    // The process is the one that network is read by; without one nothing new is known.
    private void NoteBypassedIo(CgroupNode node, SlowState state)
    {
        if (Bypassed is null || node.Parent is null || state.Network is not { Process: > 0 } network) return;
        var said = node.Notes?[(int)MeterFamily.Io];
        if (said?.StartsWith(PartialNote, StringComparison.Ordinal) == false) return;
        Note(node, MeterFamily.Io, Bypassed.Note(network.Process, _pass, said));
    }

    /// <summary>Live cgroups whose I/O is not all counted.</summary>
    public int PartialIo { get; private set; }

    // Of the one that was noted last.
    private string? _partialReason;

    /// <summary>What this host gives of I/O: what its files give, unless some workload's is partial.</summary>
    public string IoAvailability(string ofFiles) => PartialIo == 0 || ofFiles.StartsWith("unavailable", StringComparison.Ordinal) ? ofFiles
        : $"partial: not all I/O of {PartialIo} {(PartialIo == 1 ? "cgroup" : "cgroups")} is counted ({_partialReason}); of the others {ofFiles}";

    private void CountPartial(string? before, string? now)
    {
        if (IsPartial(before)) PartialIo--;
        if (!IsPartial(now)) return;
        PartialIo++;
        _partialReason = now![(PartialNote.Length + 1)..].TrimStart();
    }

    /// <summary>Whether a note says that a figure is not the whole; another kind of note says nothing about a figure that there is.</summary>
    internal static bool IsPartial(string? note) => note?.StartsWith(PartialNote, StringComparison.Ordinal) == true;
}
