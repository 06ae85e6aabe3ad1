using Metering.Agent;
using Metering.Agent.Cgroups;
using Metering.Safety;

const string Usage = """
    metering-agent: meters this host and ships to a metering service.

    Usage: metering-agent [--data DIR] [--url URL] [--interval 10s]

      --data DIR       where the journal is kept; default ./metering-data
      --url URL        the service, for transport http
      --interval SPAN  time between passes, a whole fraction of 15min; default 10s
      --help           this text

    metering-agent enroll --url URL [--token-file FILE] [--data DIR]
      exchanges a token of 'metering keys create --role enroll --host HOST' (standard input, --token-file
      or METERING_ENROLL_TOKEN) for a key of this host's own, and keeps it in --data

    metering-agent health [--url URL]
      exit 0 when the agent that serves Agent:MetricsUrl there answers; default http://127.0.0.1:9469/healthz

    metering-agent release [--data DIR]
      undoes the limits that an agent which runs no more has left on workloads (Enforcement:Actions)

    Everything else is configuration: appsettings.json in --data, or METERING__Section__Key, such as
    METERING__Broker__Url=amqp://HOSTID:PASSWORD@HOST:5672/ and METERING__Agent__Key=KEY.
    """;

// Before anything that needs a descriptor: without one there is no standard error to say so either.
if (DescriptorBudget.Refusal(DescriptorBudget.Agent) is { } refusal)
{
    Console.Error.WriteLine("metering-agent: " + refusal);
    return 1;
}

var data = "./metering-data";
var task = args is ["enroll" or "health" or "release", ..] ? args[0] : "";
string? tokenFile = null;
var given = new Dictionary<string, string?>();
try
{
    for (var i = task.Length > 0 ? 1 : 0; i < args.Length; i++)
    {
        if (args[i] is "--help" or "-h")
        {
            Console.WriteLine(Usage);
            return 0;
        }

        if (args[i] is not ("--data" or "--url" or "--interval") && (args[i], task) is not ("--token-file", "enroll")) throw UserErrorException.Usage($"The option '{args[i]}' is unknown; see metering-agent --help.");
        if (i + 1 == args.Length) throw UserErrorException.Usage($"{args[i]} needs a value; see metering-agent --help.");
        var value = args[i + 1];
        if (args[i] == "--data") data = value;
        else if (args[i] == "--token-file") tokenFile = value;
        else given[args[i] == "--url" ? "Agent:ServiceUrl" : "Agent:Interval"] = value;
        i++;
    }

    if (task == "enroll") return await AgentCommands.EnrollAsync(given.GetValueOrDefault("Agent:ServiceUrl"), tokenFile, data, CancellationToken.None);
    if (task == "health") return await HealthProbe.RunAsync(new Uri(given.GetValueOrDefault("Agent:ServiceUrl") ?? AgentCommands.DefaultHealthUrl), CancellationToken.None);
    var settings = AgentConfiguration.Load(data, given);
    using var loggers = AgentHost.Loggers();
    if (task == "release") return AgentCommands.Release(data, settings.Text("Agent:CgroupRoot"), loggers.CreateLogger("metering-agent"));
    return await AgentHost.RunAsync(AgentOptions.From(settings, data, AgentHost.DefaultTransport(settings)), loggers, CancellationToken.None);
}
catch (UserErrorException e)
{
    await Console.Error.WriteLineAsync("metering-agent: " + e.Message);
    return e.ExitCode;
}
