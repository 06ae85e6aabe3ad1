namespace Metering.Service.Verification;

/// <summary>An epoch of a host's agent as it was when the verification began.</summary>
internal sealed record AgentMark(long Id, string Host, string Epoch, long Committed, long LastSequence)
{
    public string Key => $"host={Host} epoch={Epoch}";
}
