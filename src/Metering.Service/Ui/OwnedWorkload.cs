namespace Metering.Service.Ui;

/// <summary>A workload with its owner as of now, for the preview of rules.</summary>
public sealed record OwnedWorkload(string Host, string Kind, string Name, string Path, IReadOnlyDictionary<string, string> Labels, string Tenant);
