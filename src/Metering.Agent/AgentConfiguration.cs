using Metering.Configuration;
using Metering.Safety;
using Microsoft.Extensions.Configuration;

namespace Metering.Agent;

/// <summary>Gathers configuration in its order: appsettings.json beside the executable, what enrolment wrote, appsettings.json in the data directory, credential files, environment, command line.</summary>
internal static class AgentConfiguration
{
    public static Settings Load(string dataDirectory, IEnumerable<KeyValuePair<string, string?>>? commandLine = null)
    {
        IConfigurationRoot root;
        try
        {
            root = new ConfigurationBuilder()
                .AddJsonFile(Path.Combine(AppContext.BaseDirectory, "appsettings.json"), optional: true)
                .AddJsonFile(Path.Combine(Path.GetFullPath(dataDirectory), AgentEnrolment.FileName), optional: true)
                .AddJsonFile(Path.Combine(Path.GetFullPath(dataDirectory), "appsettings.json"), optional: true)
                .AddInMemoryCollection(Credentials.Settings())
                .AddEnvironmentVariables("METERING__")
                .AddInMemoryCollection((commandLine ?? []).Where(pair => pair.Value is not null))
                .Build();
        }
        catch (InvalidDataException e)
        {
            throw new UserErrorException($"appsettings.json (or {AgentEnrolment.FileName}) can not be read: {e.InnerException?.Message ?? e.Message}", exitCode: 2, inner: e);
        }

        var settings = new Settings(root.AsEnumerable().ToDictionary(pair => pair.Key, pair => pair.Value, StringComparer.OrdinalIgnoreCase));
        settings.CheckNames();
        return settings;
    }
}
