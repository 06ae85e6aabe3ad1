namespace Metering.Benchmarks;

/// <summary>One benchmark that can be named on the command line.</summary>
internal interface IScenario
{
    string Name { get; }

    string Summary { get; }

    /// <summary>Measures. Cancelled by Ctrl-C; what it made outside of this process is gone when it returns or throws.</summary>
    Task<Report> RunAsync(RunOptions options, CancellationToken cancel);
}
