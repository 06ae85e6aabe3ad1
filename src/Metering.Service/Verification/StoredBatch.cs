using System.Data.Common;

namespace Metering.Service.Verification;

/// <summary>A receipt and the bytes that are stored for it.</summary>
/// <param name="Bytes">Null when there are none: quarantined, or lost.</param>
internal sealed record StoredBatch(AgentMark Agent, long Sequence, long FirstSequence, byte[] Hash, bool IsQuarantined, long WindowStart, long WindowEnd, byte[]? Bytes)
{
    /// <summary>It has no bytes any more, by policy. One that expires while a verification runs is beyond the mark that it began with, and read as lost: the receipts' check looks again.</summary>
    public bool IsExpired => Bytes is null && !IsQuarantined && Sequence <= Agent.Expired;

    public string Key => $"{Agent.Key} sequence={Sequence}";

    public static StoredBatch Read(AgentMark agent, DbDataReader row) => new(
        agent, row.GetInt64(0), row.GetInt64(1), (byte[])row[2], row.GetInt64(3) != 0, row.GetInt64(4), row.GetInt64(5), row.IsDBNull(6) ? null : (byte[])row[6]);
}
