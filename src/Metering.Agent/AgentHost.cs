using System.Runtime.InteropServices;
using Metering.Agent.Shipping;
using Metering.Safety;
using Microsoft.Extensions.Logging;

namespace Metering.Agent;

/// <summary>Runs an agent as a process of its own: <c>metering-agent</c> and <c>metering agent</c>.</summary>
internal static partial class AgentHost
{
    /// <summary>Meters until SIGTERM or Ctrl-C; 0 after a clean stop.</summary>
    public static async Task<int> RunAsync(AgentOptions options, ILoggerFactory loggers, CancellationToken cancel)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        await using var agent = new MeteringAgent(options, Transport(options), TimeProvider.System, loggers.CreateLogger("Metering.Agent"));
        using var metrics = new AgentMetrics(agent, TimeProvider.System);
        using var listener = Listen(options, loggers.CreateLogger("Metering.Agent"));
        _ = listener?.RunAsync();
        await agent.RunAsync(stop.Token);
        return 0;

        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            try
            {
                stop.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // The command line hears the same signal, and by its token the agent may have stopped before our turn came.
            }
        }
    }

    /// <summary>What an agent process ships by when it is not told: the broker when it has one, else the service.</summary>
    public static AgentTransport DefaultTransport(Configuration.Settings settings)
    {
        if (settings.Text("Broker:Url") is not null) return AgentTransport.RabbitMq;
        if (settings.Text("Agent:ServiceUrl") is not null) return AgentTransport.Http;
        throw UserErrorException.Usage("The agent does not know where to ship; give --url http://HOST:5080 (METERING__Agent__ServiceUrl) or a broker (METERING__Broker__Url).");
    }

    public static ILoggerFactory Loggers() => LoggerFactory.Create(logging => logging.AddSimpleConsole(console =>
    {
        console.SingleLine = true;
        console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
        console.UseUtcTimestamp = true;
    }).AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace));

    // Where nobody has told it to, another one may have been first.
    private static MetricsListener? Listen(AgentOptions options, ILogger log)
    {
        if (!options.ShowsMetrics) return null;
        try
        {
            return new MetricsListener(options.MetricsUrl ?? AgentOptions.DefaultMetricsUrl, TimeProvider.System, log);
        }
        catch (UserErrorException) when (options.MetricsUrl is null)
        {
            LogNoMetrics(log, AgentOptions.DefaultMetricsUrl.Authority);
            return null;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Another program listens on {Address}, so this agent shows its metrics nowhere; give Agent:MetricsUrl another port, or 'none'.")]
    private static partial void LogNoMetrics(ILogger log, string address);

    private static IUsageTransport Transport(AgentOptions options) => options.Transport switch
    {
        AgentTransport.Http => new HttpTransport(options.ServiceUrl!, options.Key),
        AgentTransport.RabbitMq => new RabbitMqTransport(new RabbitMqTransportOptions { Url = options.BrokerUrl!.OriginalString }, TimeProvider.System),
        _ => throw UserErrorException.Usage("Transport inProcess exists only within 'metering up'; an agent of its own ships by http or rabbitmq."),
    };
}
