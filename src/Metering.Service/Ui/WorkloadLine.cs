using Metering.Service.Reports;

namespace Metering.Service.Ui;

/// <summary>A row of the table by workload: one workload of one host, as far as one tenant owned it.</summary>
/// <param name="Coverage">Share of the host's time that was metered; null when unknown.</param>
internal sealed record WorkloadLine(string Tenant, WorkloadKey Key, Amounts Amounts, decimal? Coverage)
{
    public string Kind => Key.Kind;

    public string Name => Key.Name;

    public string Path => Key.Path;

    public string Host => Key.Host;

    public decimal? Cpu => Amounts.CpuSeconds;

    public decimal? Memory => Amounts.MemoryByteSeconds;

    public decimal? Io => Amounts.IoBytes;

    /// <summary>For sorting only: currencies are not added for show.</summary>
    public decimal? Cost => Amounts.Cost.Count == 0 ? null : Amounts.Cost.Values.Sum();

    public bool Matches(string text) => new[] { Kind, Name, Path, Host, Tenant }.Any(value => value.Contains(text, StringComparison.OrdinalIgnoreCase));
}
