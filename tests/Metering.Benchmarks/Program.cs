using System.Diagnostics;
using System.Runtime.InteropServices;
using Metering.Benchmarks;
using Metering.Benchmarks.AlertLatency;
using Metering.Benchmarks.Focus;
using Metering.Benchmarks.Footprint;
using Metering.Benchmarks.Ingest;
using Metering.Benchmarks.Month;
using Metering.Benchmarks.Passes;
using Metering.Benchmarks.Peers;
using Metering.Benchmarks.Quotas;
using Metering.Benchmarks.Rating;
using Metering.Benchmarks.Storm;
using Metering.Safety;

IScenario[] scenarios = [new PassScenario(), new PeersScenario(), new FootprintScenario(), new StormScenario(), new IngestScenario(), new QuotaScenario(), new AlertLatencyScenario(), new RateScenario(), new MonthScenario(), new PagesScenario(), new FocusScenario()];
if (args.Any(argument => argument is "--help" or "-h"))
{
    CommandLine.Help(Console.Out, scenarios);
    return 0;
}

var began = Stopwatch.GetTimestamp();
if (!CommandLine.TryParse(args, scenarios, line => Console.Error.WriteLine($"{Stopwatch.GetElapsedTime(began).TotalSeconds,6:0.0} s  {line}"), out var command, out var fault))
{
    await Console.Error.WriteLineAsync(fault);
    CommandLine.Help(Console.Error, scenarios);
    return 2;
}

using var stop = new CancellationTokenSource();
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
var holds = true;
foreach (var scenario in command.Scenarios)
{
    try
    {
        var report = await scenario.RunAsync(command.Options, stop.Token);
        await Console.Out.WriteLineAsync(command.Render(report));
        holds &= report.Holds;
    }
    catch (OperationCanceledException) when (stop.IsCancellationRequested)
    {
        await Console.Error.WriteLineAsync("Stopped; what was created is removed.");
        return 130;
    }
    catch (UserErrorException e)
    {
        await Console.Error.WriteLineAsync(e.Message);
        holds = false;
    }
}

return holds ? 0 : 1;

void Stop(PosixSignalContext context)
{
    context.Cancel = true;
    stop.Cancel();
}
