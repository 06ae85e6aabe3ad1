namespace Metering.Benchmarks.Ingest;
internal sealed class IngestScenario : IScenario
{
    public string Name => "ingest";
    public string Summary => "";
    public Task<Report> RunAsync(RunOptions options, CancellationToken cancel) => throw new NotSupportedException();
}
