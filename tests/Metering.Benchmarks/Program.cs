using System.Diagnostics;
using System.Runtime.InteropServices;
using Metering.Benchmarks;
using Metering.Benchmarks.Ingest;
using Metering.Benchmarks.Passes;
using Metering.Benchmarks.Rating;
using Metering.Safety;

IScenario[] scenarios = [new PassScenario(), new IngestScenario(), new RateScenario()];
var name = args.FirstOrDefault(argument => !argument.StartsWith('-'));
var scenario = scenarios.FirstOrDefault(one => one.Name == name);
var unknown = args.FirstOrDefault(argument => argument.StartsWith('-') && argument is not ("--json" or "--full" or "--help" or "-h") && !argument.StartsWith("--only=", StringComparison.Ordinal));
if (args.Any(argument => argument is "--help" or "-h"))
{
    Help(Console.Out);
    return 0;
}

if (scenario is null || unknown is not null)
{
    await Console.Error.WriteLineAsync(unknown is not null ? $"There is no option '{unknown}'." : name is null ? "Name a scenario." : $"There is no scenario '{name}'.");
    Help(Console.Error);
    return 2;
}

using var stop = new CancellationTokenSource();
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
var only = args.Where(argument => argument.StartsWith("--only=", StringComparison.Ordinal)).SelectMany(argument => argument[7..].Split(',')).ToHashSet(StringComparer.Ordinal);
var began = Stopwatch.GetTimestamp();
var options = new RunOptions(args.Contains("--full"), only, line => Console.Error.WriteLine($"{Stopwatch.GetElapsedTime(began).TotalSeconds,6:0.0} s  {line}"));
try
{
    var report = await scenario.RunAsync(options, stop.Token);
    await Console.Out.WriteLineAsync(args.Contains("--json") ? report.ToJson() : report.ToText());
    return report.Holds ? 0 : 1;
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    await Console.Error.WriteLineAsync("Stopped; what was created is removed.");
    return 130;
}
catch (UserErrorException e)
{
    await Console.Error.WriteLineAsync(e.Message);
    return 1;
}

void Stop(PosixSignalContext context)
{
    context.Cancel = true;
    stop.Cancel();
}

void Help(TextWriter to)
{
    to.WriteLine("dotnet run -c Release --project tests/Metering.Benchmarks -- NAME [--json] [--full] [--only=PART,...]");
    foreach (var one in scenarios) to.WriteLine($"  {one.Name,-8} {one.Summary}");
    to.WriteLine("  --json   prints only JSON; progress goes to stderr in either case");
    to.WriteLine("  --full   longer runs");
}
