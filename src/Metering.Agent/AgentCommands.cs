using Metering.Agent.Enforcement;
using Metering.Configuration;
using Metering.Safety;
using Microsoft.Extensions.Logging;

namespace Metering.Agent;

/// <summary>What <c>metering-agent</c> does beside metering: <c>enroll</c>, <c>health</c> and <c>release</c>.</summary>
internal static class AgentCommands
{
    /// <summary>The variable, or credential file, with a token to enroll with.</summary>
    public const string TokenVariable = "METERING_ENROLL_TOKEN";

    public const string DefaultHealthUrl = "http://127.0.0.1:9469/healthz";

    /// <summary>Exchanges a token for a key and says where it is kept.</summary>
    /// <param name="tokenFile">Null: the variable, else standard input, so that the token is in no list of processes.</param>
    public static async Task<int> EnrollAsync(string? url, string? tokenFile, string dataDirectory, CancellationToken cancel)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var service) || service.Scheme is not ("http" or "https")) throw UserErrorException.Usage($"--url is '{url}'; it must be the service's http://HOST:PORT.");
        var host = await AgentEnrolment.EnrolAsync(service, await TokenAsync(tokenFile, cancel), dataDirectory, cancel);
        Console.WriteLine($"This agent is enrolled as host {host}; its key is in {Path.Combine(dataDirectory, AgentEnrolment.FileName)}. Start it, or start it again, with --data {dataDirectory}.");
        return 0;
    }

    /// <summary>Undoes the limits that an agent which runs no more has left on workloads; 1 when one could not be undone and stays stored.</summary>
    /// <param name="cgroupRoot">Null: where this host has its cgroups.</param>
    public static int Release(string dataDirectory, string? cgroupRoot, ILogger log)
    {
        using var enforcer = new Enforcer(
            EnforcementOptions.Off, "", new HeldLimits(dataDirectory), new ControlFiles(cgroupRoot ?? MeteringAgent.HostMounts().Unified), _ => throw new InvalidOperationException("Nothing is set here."), OwnCgroup.Path, TimeProvider.System, log);
        enforcer.Start("the agent runs no more");
        return enforcer.Held.Count == 0 ? 0 : 1;
    }

    private static async Task<string> TokenAsync(string? file, CancellationToken cancel)
    {
        string? text;
        try
        {
            text = file is not null ? await File.ReadAllTextAsync(file, cancel) : Credentials.Text(TokenVariable) ?? await Console.In.ReadLineAsync(cancel);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw UserErrorException.Usage($"The token can not be read ({e.Message}); check --token-file.");
        }

        return text?.Trim() is { Length: > 0 } token && !token.Any(char.IsWhiteSpace) ? token
            : throw UserErrorException.Usage($"There is no token; give one on standard input, in --token-file or in {TokenVariable}. An administrator makes it with 'metering keys create --role enroll --host HOST'.");
    }
}
