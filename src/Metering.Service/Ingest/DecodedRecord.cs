using System.Runtime.InteropServices;

namespace Metering.Service.Ingest;

/// <summary>One workload's usage: byte ranges of its texts in the body and the range of its readings.</summary>
[StructLayout(LayoutKind.Auto)]
public struct DecodedRecord
{
    /// <summary>The bytes that describe the workload (kind … inode, without reserved labels that come after); the same in every batch, so they key the cache of workload ids.</summary>
    public Range Identity;

    /// <summary>True when the fields came in another order than ours, or reserved labels among them, so that <see cref="Identity"/> does not hold all of them.</summary>
    public bool Scattered;

    /// <summary>From the first reserved label (<c>metering.…</c>) to the last; empty without any.</summary>
    public Range Notes;

    public Range Kind;
    public Range Id;
    public Range Name;
    public Range Path;
    public Range Whole;
    public ulong Inode;
    public int Origin;
    public bool Final;

    /// <summary>Its CPU counter began at zero in this record: the first record of an instance that is billed from its birth, or of one that was idle until now.</summary>
    public bool FromZero;

    public int FirstReading;
    public int ReadingCount;
}
