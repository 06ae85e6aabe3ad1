namespace Metering.Service.Verification;

/// <summary>An epoch of a host's agent as it was when the verification began.</summary>
/// <param name="LastWindowEnd">Unix microseconds; 0: nothing of it was metered yet.</param>
/// <param name="Expired">Batches up to this number have no bytes any more, by policy.</param>
internal sealed record AgentMark(long Id, string Host, string Epoch, long Committed, long LastSequence, long Expired = 0, long LastWindowEnd = 0)
{
    public string Key => $"host={Host} epoch={Epoch}";
}
