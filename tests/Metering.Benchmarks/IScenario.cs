namespace Metering.Benchmarks;

/// <summary>One benchmark that can be named on the command line.</summary>
internal interface IScenario
{
    string Name { get; }

    string Summary { get; }

    /// <summary>Options of its own, one a line, as <c>--name=VALUE meaning</c>; empty when it has none.</summary>
    string Usage => "";

    /// <summary>Measures. Cancelled by Ctrl-C; what it made outside of this process is gone when it returns or throws.</summary>
    Task<Report> RunAsync(RunOptions options, CancellationToken cancel);
}
