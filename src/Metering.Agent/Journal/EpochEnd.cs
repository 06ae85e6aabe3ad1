namespace Metering.Agent.Journal;

/// <summary>Why a journal began a new epoch.</summary>
internal enum EpochEnd
{
    None,

    /// <summary>Another journal has used its numbers: a restored copy, a cloned machine.</summary>
    Fork,

    /// <summary>The clock since boot stands before what the journal stored of the same boot: the machine was put back to an earlier snapshot, and its counters with it.</summary>
    Snapshot,
}
