namespace Metering.Service.Alerts;

/// <summary>What an attempt came to.</summary>
public enum WebhookOutcome
{
    /// <summary>The receiver answered 2xx.</summary>
    Delivered,

    /// <summary>The receiver is there and asks for time (429, 502, 503, 504, or <c>Retry-After</c> with another 5xx): try again by the schedule, not before what it asked for.</summary>
    Retry,

    /// <summary>The receiver answered 410: nothing is to be sent here any more.</summary>
    Disable,

    /// <summary>The receiver will never take this very message: it is given up, and those after it go on.</summary>
    Refused,

    /// <summary>Anything else, from 404 to an address that is refused: try again by the schedule.</summary>
    Failed,
}
