namespace Metering.Service.Ui;

/// <summary>A row of the table by tenant. The figures are repeated as properties, which is what the grid sorts by.</summary>
internal sealed record TenantLine(string Tenant, int Workloads, Amounts Amounts)
{
    public decimal? Cpu => Amounts.CpuSeconds;

    public decimal? Unscraped => Amounts.UnscrapedShare;

    public decimal? Memory => Amounts.MemoryByteSeconds;

    public decimal? Io => Amounts.IoBytes;

    /// <summary>For sorting only: currencies are not added for show.</summary>
    public decimal? Cost => Amounts.Cost.Count == 0 ? null : Amounts.Cost.Values.Sum();
}
