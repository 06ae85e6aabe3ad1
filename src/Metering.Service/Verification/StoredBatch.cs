using System.Data.Common;
using System.Globalization;
using System.Text;

namespace Metering.Service.Verification;

/// <summary>A receipt and the bytes that are stored for it.</summary>
/// <param name="Bytes">Null when there are none: quarantined, or lost.</param>
internal sealed record StoredBatch(AgentMark Agent, long Sequence, long FirstSequence, byte[] Hash, bool IsQuarantined, long WindowStart, long WindowEnd, byte[]? Bytes)
{
    /// <summary>It has no bytes any more, by policy. One that expires while a verification runs is beyond the mark that it began with, and read as lost: the receipts' check looks again.</summary>
    public bool IsExpired => Bytes is null && !IsQuarantined && Sequence <= Agent.Expired;

    public string Key => $"{Agent.Key} sequence={Sequence}";

    public static StoredBatch Read(AgentMark agent, DbDataReader row) => new(
        agent, row.GetInt64(0), row.GetInt64(1), BytesOf(row[2]), row.GetInt64(3) != 0, row.GetInt64(4), row.GetInt64(5), row.IsDBNull(6) ? null : BytesOf(row[6]));

    /// <summary>What a column holds. SQLite keeps whatever type was written, so what somebody edited by hand may be text; it has then other bytes than its hash says.</summary>
    public static byte[] BytesOf(object value) => value as byte[] ?? Encoding.UTF8.GetBytes(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "");
}
