using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Metering.Safety;

namespace Metering.Agent;

/// <summary>Exchanges a token that is good once for a key of this host's own (<c>POST /v1/agents/enroll</c>), and keeps it in the data directory, readable by its owner only.</summary>
internal static class AgentEnrolment
{
    /// <summary>Settings <c>Agent:HostId</c>, <c>Agent:ServiceUrl</c> and <c>Agent:Key</c>; whatever else is configured goes before them.</summary>
    public const string FileName = "enrolment.json";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Returns the host id that the token was for. Throws <see cref="UserErrorException"/> when it is refused, the service is away, or the file can not be written (before the token is used up).</summary>
    public static async Task<string> EnrolAsync(Uri service, string token, string dataDirectory, CancellationToken cancel)
    {
        var file = Path.Combine(dataDirectory, FileName);
        var fresh = file + ".new";
        try
        {
            if (!Directory.Exists(dataDirectory)) Directory.CreateDirectory(dataDirectory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            await using var stream = new FileStream(fresh, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite });
            var (host, key) = await AskAsync(service, token, cancel);
            await JsonSerializer.SerializeAsync(stream, new { Agent = new { HostId = host, ServiceUrl = service.OriginalString, Key = key } }, cancellationToken: cancel);
            stream.Flush(flushToDisk: true);
            await stream.DisposeAsync();
            File.Move(fresh, file, overwrite: true);
            return host;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{file} can not be written ({e.Message}); give a --data directory that this user owns.", inner: e);
        }
        finally
        {
            if (File.Exists(fresh)) File.Delete(fresh);
        }
    }

    private static async Task<(string Host, string Key)> AskAsync(Uri service, string token, CancellationToken cancel)
    {
        using var client = new HttpClient { BaseAddress = service, Timeout = Patience };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        try
        {
            using var response = await client.PostAsync(new Uri("v1/agents/enroll", UriKind.Relative), null, cancel);
            if (response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden or HttpStatusCode.Conflict)
                throw new UserErrorException($"The service at {service} refuses the token: it was used already, has expired, or is none; make another one with 'metering keys create --role enroll --host HOST'.");
            if (!response.IsSuccessStatusCode) throw new UserErrorException($"The service at {service} answered {(int)response.StatusCode}; look at its log and try again.");
            using var answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync(cancel));
            return (answer.RootElement.GetProperty("host").GetString()!, answer.RootElement.GetProperty("key").GetString()!);
        }
        catch (Exception e) when (e is HttpRequestException || (e is TaskCanceledException && !cancel.IsCancellationRequested))
        {
            throw new UserErrorException($"The service at {service} can not be reached ({e.Message}); check --url and that it runs.", inner: e);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException)
        {
            throw new UserErrorException($"What answers at {service} is no metering service; check --url.", inner: e);
        }
    }
}
