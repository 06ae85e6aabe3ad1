using System.Data.Common;

namespace Metering.Service.Verification;

/// <summary>A receipt and the bytes that are stored for it.</summary>
/// <param name="Bytes">Null when there are none: quarantined, or lost.</param>
internal sealed record StoredBatch(AgentMark Agent, long Sequence, long FirstSequence, byte[] Hash, bool IsQuarantined, long WindowStart, long WindowEnd, byte[]? Bytes)
{
    public string Key => $"{Agent.Key} sequence={Sequence}";

    public static StoredBatch Read(AgentMark agent, DbDataReader row) => new(
        agent, row.GetInt64(0), row.GetInt64(1), (byte[])row[2], row.GetInt64(3) != 0, row.GetInt64(4), row.GetInt64(5), row.IsDBNull(6) ? null : (byte[])row[6]);
}
