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
var given = new Dictionary<string, string?>();
try
{
    for (var i = 0; i < args.Length; i++)
    {
        if (args[i] is "--help" or "-h")
        {
            Console.WriteLine(Usage);
            return 0;
        }

        if (args[i] is not ("--data" or "--url" or "--interval")) throw UserErrorException.Usage($"The option '{args[i]}' is unknown; see metering-agent --help.");
        if (i + 1 == args.Length) throw UserErrorException.Usage($"{args[i]} needs a value; see metering-agent --help.");
        var value = args[i + 1];
        if (args[i] == "--data") data = value;
        else given[args[i] == "--url" ? "Agent:ServiceUrl" : "Agent:Interval"] = value;
        i++;
    }

    var settings = AgentConfiguration.Load(data, given);
    using var loggers = AgentHost.Loggers();
    return await AgentHost.RunAsync(AgentOptions.From(settings, data, AgentHost.DefaultTransport(settings)), loggers, CancellationToken.None);
}
catch (UserErrorException e)
{
    await Console.Error.WriteLineAsync("metering-agent: " + e.Message);
    return e.ExitCode;
}
