namespace Metering.Service.Ledger;

/// <summary>The attributes in a workload's own row: its latest version.</summary>
/// <param name="Labels">As JSON.</param>
/// <param name="Former">How many earlier versions table <c>workload_version</c> has.</param>
internal sealed record StoredAttributes(string Name, string Labels, long From, long Former);
